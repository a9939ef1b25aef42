#include "cli/db.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <cctype>
#include <memory>

#include "model/text.h"
#include "store/database.h"
#include "store/ledger.h"

namespace galproc {

namespace {

constexpr const char* kDescription =
    "The file itself.\n"
    "\n"
    "Examples:\n"
    "  galproc db verify                  does the log of what galproc did still hold?\n"
    "  galproc db verify --head 3f5a...   and is the head that was noted elsewhere still in it?\n"
    "  sqlite3 \"$(galproc db path)\"       open the file that questions are asked of\n"
    "  galproc db info                    what is kept, since when, and how long the disk lasts\n"
    "  galproc db check --quick           is the file sound?\n"
    "  galproc db snapshot copy.db        a consistent copy, also while it is recorded to\n"
    "  galproc db prune --older 30d       delete what is older than that\n";

constexpr const char* kVerifyDescription =
    "Walk the hash chain over all that galproc did.\n"
    "\n"
    "Examples:\n"
    "  galproc db verify\n"
    "  galproc db verify --json -q | jq -r '.[0].head'   the head, to be noted elsewhere\n"
    "  galproc db verify --head 3f5a...                  is it still in the chain?\n"
    "\n"
    "One row: how many rows of the ledger hold, the hash of the last of them, 1 if that is all of them, and\n"
    "where it breaks and why if not. Exit 1 when it does not hold.\n";

constexpr const char* kPathDescription =
    "Print the path of the database.\n"
    "\n"
    "Examples:\n"
    "  galproc db path\n"
    "  sqlite3 \"$(galproc db path -q)\"\n";

constexpr const char* kCheckDescription =
    "Is the file what it should be: its pages, the references between its rows, the order of ticks, keyframes, "
    "samples,\n"
    "ports and the ledger?\n"
    "\n"
    "Examples:\n"
    "  galproc db check\n"
    "  galproc db check --quick           without what reads every row\n"
    "\n"
    "A row for each check. Exit 1 when one of them finds something.\n";

constexpr const char* kSnapshotDescription =
    "Copy the database as it stands at this moment, also while it is recorded to.\n"
    "\n"
    "Examples:\n"
    "  galproc db snapshot incident.db\n"
    "\n"
    "The copy is one file that is complete by itself. A file that is there already is not written over.\n";

constexpr const char* kInfoDescription =
    "What the file holds, since when, and how long the disk lasts at this rate.\n"
    "\n"
    "Examples:\n"
    "  galproc db info\n"
    "  galproc db info --json -q | jq '.[0].disk_lasts_us'\n";

constexpr const char* kPruneDescription =
    "Delete the oldest of what was recorded, also while it is recorded to.\n"
    "\n"
    "Examples:\n"
    "  galproc db prune --older 30d --dry-run    what would go?\n"
    "  galproc db prune --older 30d              keep 30 days of recorded time\n"
    "  galproc db prune --to-size 500MiB         delete the oldest until no more is in use\n"
    "  galproc db prune --actions-before 2025-01-01    make the log of actions forget what is older\n"
    "\n"
    "Whole keyframe windows go (5 minutes, or 60 ticks where those are longer), never the newest, and never what\n"
    "galproc did or the processes that it names: that goes only by --actions-before, but for actions that are not\n"
    "over and services that run. The log of actions says that it was done, and after --actions-before who did it;\n"
    "`galproc db verify` goes on from there.\n";

std::optional<std::string> parse_head(const CLI::Option& flag, std::string text) {
  if (flag.count() == 0) return std::nullopt;
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  constexpr std::size_t kHashDigits = 64;
  if (text.size() != kHashDigits || text.find_first_not_of("0123456789abcdef") != std::string::npos) {
    throw UsageError(fmt::format("--head: '{}' is not a hash, which has 64 hex digits. `galproc db verify` prints one.",
                                 escape_controls(text)));
  }
  return text;
}

ExitCode verify(const Context& context, const std::optional<std::string>& head) {
  const std::filesystem::path path = database_to_read(context);
  LedgerReport report;
  std::vector<std::string> cuts;
  {
    SQLite::Database database = open_for_reading(path);
    tell_of_leftovers(database, context);
    report = verify_ledger(database, head);
    cuts = cuts_of_ledger(database);
  }
  for (const std::string& cut : cuts) context.say(cut);
  RowSet rows;
  rows.columns = {{"length", Unit::None},
                  {"head", Unit::None},
                  {"holds", Unit::None},
                  {"first_bad_seq", Unit::None},
                  {"problem", Unit::None}};
  rows.rows.push_back(
      {report.length, report.head.empty() ? Value{} : Value{report.head}, std::int64_t{report.holds ? 1 : 0},
       report.first_bad_seq ? Value{*report.first_bad_seq} : Value{}, report.holds ? Value{} : Value{report.problem}});
  context.print(rows);
  if (!report.holds) {
    throw Error(ExitCode::Failed, fmt::format("The ledger of {} does not hold. {}", path.string(), report.problem));
  }
  return ExitCode::Done;
}

ExitCode print_path(const Context& context) {
  const std::string path = database_to_read(context).string();
  if (context.common.format == "table") {
    context.out << path << "\n";  // as it is, for another program to open
    return ExitCode::Done;
  }
  RowSet rows;
  rows.columns = {{"path", Unit::None}};
  rows.rows.push_back({path});
  context.print(rows);
  return ExitCode::Done;
}

}  // namespace

void add_db(CLI::App& app, Context& context) {
  CLI::App* verb = app.add_subcommand("db", kDescription);
  verb->footer(kCommonFlagsNote);
  verb->require_subcommand(0, 1);
  auto head = std::make_shared<std::string>();
  CLI::App* verify_verb = verb->add_subcommand("verify", kVerifyDescription);
  verify_verb->footer(kCommonFlagsNote);
  const CLI::Option* head_flag =
      verify_verb->add_option("--head", *head, "A hash that was printed before and must be in the chain")
          ->type_name("HASH");
  CLI::App* path_verb = verb->add_subcommand("path", kPathDescription);
  auto quick = std::make_shared<bool>(false);
  CLI::App* check_verb = verb->add_subcommand("check", kCheckDescription);
  check_verb->add_flag("--quick", *quick, "Without what reads every row");
  auto out = std::make_shared<std::string>();
  CLI::App* snapshot_verb = verb->add_subcommand("snapshot", kSnapshotDescription);
  snapshot_verb->add_option("out", *out, "The new file")->type_name("OUT")->required();
  auto prune_flags = std::make_shared<PruneFlags>();
  CLI::App* prune_verb = verb->add_subcommand("prune", kPruneDescription);
  CLI::Option* older =
      prune_verb->add_option("--older", prune_flags->older, "Keep so much recorded time, delete what is older")
          ->type_name("D");
  CLI::Option* to_size =
      prune_verb->add_option("--to-size", prune_flags->to_size, "Delete the oldest until the file holds no more")
          ->type_name("SIZE")
          ->excludes(older);
  prune_verb
      ->add_option("--actions-before", prune_flags->actions_before,
                   "Delete what galproc was asked for before that instant")
      ->type_name("T")
      ->excludes(older)
      ->excludes(to_size);
  prune_verb->add_flag("--dry-run", prune_flags->dry_run, "Say what would go, and delete nothing");
  CLI::App* info_verb = verb->add_subcommand("info", kInfoDescription);
  for (CLI::App* part : {path_verb, check_verb, snapshot_verb, prune_verb, info_verb}) part->footer(kCommonFlagsNote);
  context.actions[verb] = [=, &context] {
    if (verb->got_subcommand(verify_verb)) return verify(context, parse_head(*head_flag, *head));
    if (verb->got_subcommand(path_verb)) return print_path(context);
    if (verb->got_subcommand(check_verb)) return check_database(context, *quick);
    if (verb->got_subcommand(snapshot_verb)) return snapshot_database(context, *out);
    if (verb->got_subcommand(prune_verb)) return prune_database(context, *prune_flags);
    if (verb->got_subcommand(info_verb)) return print_info(context);
    throw UsageError("No part of db was named. There are galproc db check, info, path, prune, snapshot and verify.");
  };
}

}  // namespace galproc
