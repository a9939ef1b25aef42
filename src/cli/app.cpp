#include "cli/app.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "cli/command.h"
#include "model/signals.h"
#include "model/text.h"
#include "platform/environment.h"
#include "render/renderer.h"
#include "store/database.h"

namespace galproc {

namespace {

constexpr const char* kDescription =
    "A flight recorder for the processes of a machine.\n"
    "\n"
    "Examples:\n"
    "  galproc record --db galproc.db                  record this machine until Ctrl-C\n"
    "  galproc query tree                              the process tree at the latest tick\n"
    "  galproc query port-holder --port 8080 --at 03:12\n"
    "  galproc query                                   the questions it can answer\n"
    "  galproc find --port 8080                        who holds the port now\n";

void add_common_flags(CLI::App& app, Context& context) {
  CommonOptions& common = context.common;
  app.set_version_flag("--version", [] {
    return fmt::format("galproc {}\nSQLite {}\nschema {}", GALPROC_VERSION, sqlite_version(), schema_version());
  });
  app.add_option("--db", common.database, "The database; else GALPROC_DB, else the system's or the user's own")
      ->type_name("PATH");
  app.add_option("--format", common.format, "table, json, jsonl, csv, markdown")
      ->type_name("F")
      ->check(CLI::IsMember(std::vector<std::string>(kFormatNames.begin(), kFormatNames.end())));
  app.add_flag("--json", common.json, "The same as --format json");
  app.add_option("--color", common.color, "auto, always, never; NO_COLOR is heeded")
      ->type_name("WHEN")
      ->check(CLI::IsMember({"auto", "always", "never"}));
  app.add_option("--config", common.config, "A TOML file; else GALPROC_CONFIG, else the system's and the user's")
      ->type_name("FILE");
  app.add_flag("-q,--quiet", common.quiet, "No talk on stderr but errors");
  app.add_flag("-v,--verbose", common.verbosity, "More talk on stderr");
}

std::vector<std::string> verb_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands({})) names.push_back(verb->get_name());
  return names;
}

std::vector<std::string> flag_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::string suggestion(const std::string& word, const std::vector<std::string>& candidates,
                       const std::string& otherwise) {
  const std::string near = did_you_mean(word, candidates);
  return near.empty() ? otherwise : fmt::format("Did you mean {}?", near);
}

/// Throws for words that no flag and no verb took. `verb` may be one of several parts, like `db verify`.
void refuse_leftovers(const CLI::App& app, const CLI::App* verb, const Context& context) {
  std::vector<std::string> left = app.remaining(true);
  // CLI11 takes what stands behind it for words, but leaves it itself behind.
  if (const auto dashes = std::find(left.begin(), left.end(), "--"); dashes != left.end()) left.erase(dashes);
  if (left.empty()) return;
  const auto flag = std::find_if(left.begin(), left.end(),
                                 [](const std::string& word) { return word.size() > 1 && word.front() == '-'; });
  const std::string word = escape_controls(flag != left.end() ? *flag : left.front());
  std::string command = "galproc";
  std::vector<std::string> names = flag_names(app);
  const CLI::App* last = &app;
  for (const CLI::App* part = verb; part;
       part = part->get_subcommands().empty() ? nullptr : part->get_subcommands()[0]) {
    command += " " + part->get_name();
    for (std::string& name : flag_names(*part)) {
      if (part->get_name() != "query" || context.is_of_named_query(name)) names.push_back(std::move(name));
    }
    last = part;
  }
  const std::string see = fmt::format("See `{} --help`.", command);
  if (flag != left.end()) {
    if (verb && verb->get_name() == "kill" && parse_signal(word.substr(1))) {
      throw UsageError(fmt::format("{} is no PID, which is a positive number. To send that signal: --signal {}.", word,
                                   to_text(*parse_signal(word.substr(1))) + 3));
    }
    throw UsageError(fmt::format("{} does not know the flag {}. {}", command, word,
                                 suggestion(word.substr(0, word.find('=')), names, see)));
  }
  if (verb && verb->get_name() == "start") {
    throw UsageError(fmt::format("{} does not take the word {}. Put -- before the program.", command, word));
  }
  const std::vector<std::string> parts = verb_names(*last);
  if (!parts.empty()) {
    throw UsageError(
        fmt::format("{} does not know the verb {}. {}", command, word,
                    suggestion(word, parts, verb ? fmt::format("There are {}.", fmt::join(parts, ", ")) : see)));
  }
  throw UsageError(fmt::format("{} does not take the word {}. {}", command, word, see));
}

/// The arguments of `galproc start` (and of `completion`) for galproc itself, and those behind `--`, which are another
/// program's whatever they look like: CLI11 would take a flag of ours, or a second `--`, out of them. Those of other
/// verbs are all galproc's.
std::pair<std::vector<std::string>, std::vector<std::string>> split_at_program(
    const CLI::App& app, const std::vector<std::string>& arguments) {
  auto word = arguments.begin();
  for (; word != arguments.end() && word->starts_with("-"); ++word) {
    const CLI::Option* flag = *word == "--" ? nullptr : app.get_option_no_throw(*word);
    if (flag && flag->get_expected_min() > 0 && word + 1 != arguments.end()) ++word;
  }
  if (word == arguments.end() || (*word != "start" && *word != "completion")) return {arguments, {}};
  const auto end = std::find(word, arguments.end(), "--");
  return {{arguments.begin(), end}, {end == arguments.end() ? end : end + 1, arguments.end()}};
}

ExitCode dispatch(CLI::App& app, Context& context, std::vector<std::string> arguments) {
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::Success& asked) {  // --help, --version
    app.exit(asked, context.out, context.err);
    return ExitCode::Done;
  } catch (const CLI::ParseError& error) {
    const std::vector<CLI::App*> begun = app.get_subcommands();
    throw UsageError(fmt::format("{}. See `galproc{} --help`.", escape_controls(error.what()),
                                 begun.empty() ? "" : " " + begun.front()->get_name()));
  }
  const std::vector<CLI::App*> verbs = app.get_subcommands();
  CLI::App* verb = verbs.empty() ? nullptr : verbs.front();
  refuse_leftovers(app, verb, context);
  if (!verb) throw UsageError("No verb was given. Try `galproc record`, `galproc query`, or see `galproc --help`.");
  // What was typed counts more than what a file says, also where two flags say the same.
  const bool format_typed = app.get_option("--format")->count() > 0 && !context.common.json;
  apply_config(app, *verb, context);
  if (context.common.json && !format_typed) context.common.format = "json";
  return context.actions.at(verb)();
}

}  // namespace

int run_galproc(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
  ensure_standard_streams();
  Context context{out, err, {}, {}, {}, {}, {}};
  CLI::App app(kDescription, "galproc");
  app.allow_extras();
  app.fallthrough();
  app.require_subcommand(0, 1);
  add_common_flags(app, context);
  try {
    add_record(app, context);
    add_query(app, context, arguments);
    add_db(app, context);
    add_kill(app, context);
    add_find(app, context);
    add_inspect(app, context);
    add_resolve(app, context);
    add_resources(app, context);
    add_doctor(app, context);
    const auto [own, program] = split_at_program(app, arguments);
    add_start(app, context, program);
    add_stop(app, context);
    add_services(app, context);
    add_completion(app, context, program);
    const ExitCode code = dispatch(app, context, own);
    // Whoever read it has seen enough. (Verbs that must not die of a signal half-way ignore SIGPIPE.)
    if (!out.flush() && !is_output_abandoned()) {
      throw Error(ExitCode::Failed, "The output could not be written: is the disk full?");
    }
    return static_cast<int>(code);
  } catch (const Error& error) {
    // Whoever parses JSON gets some, also from a refusal.
    const bool refused = error.code() == ExitCode::NotFound || error.code() == ExitCode::Refused;
    if (refused && (context.common.json || context.common.format == "json")) out << "[]" << std::endl;
    err << "galproc: " << escape_controls(error.what()) << std::endl;
    return static_cast<int>(error.code());
  } catch (const SQLite::Exception& error) {
    err << "galproc: The database failed: " << describe(error) << "." << std::endl;
    return static_cast<int>(ExitCode::Failed);
  }
}

}  // namespace galproc
