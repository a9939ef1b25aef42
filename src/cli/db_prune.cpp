// `galproc db prune`: the oldest goes because somebody says so.

#include <fmt/format.h>

#include <filesystem>

#include "action/log_file.h"
#include "action/log_prune.h"
#include "cli/db.h"
#include "model/text.h"
#include "model/time_words.h"
#include "platform/platform.h"
#include "store/database.h"
#include "store/retention.h"
#include "store/statement.h"

namespace galproc {

namespace {

constexpr int kPatienceMs = 10'000;

/// An instant that is past: what is logged from now on cannot be in it.
std::int64_t past_instant_us(const std::string& word, std::int64_t now_us) {
  const std::int64_t before_us =
      parse_flag("actions-before", word, [&](const std::string& text) { return parse_instant_us(text, now_us); });
  if (before_us <= now_us) return before_us;
  throw UsageError(fmt::format("--actions-before: '{}' is {}, which lies in the future; `now` is the latest there is.",
                               escape_controls(word), format_instant(before_us)));
}

std::optional<PrunePlan> plan_of(Retention& retention, const PruneFlags& flags) {
  if (!flags.older.empty()) return retention.by_age(parse_flag("older", flags.older, parse_duration_us), true);
  if (!flags.to_size.empty()) return retention.by_size(parse_flag("to-size", flags.to_size, parse_size_bytes));
  throw UsageError("None of --older, --to-size and --actions-before was given: how much is to be kept?");
}

/// Those of the file that are dead and whom nobody has waited for yet: the system still lists them, and a recorder
/// knows them.
std::vector<std::int64_t> listed_dead(SQLite::Database& database, Platform& platform) {
  std::vector<std::int64_t> upids;
  Prepared of_key(database, "SELECT upid FROM process WHERE pid = ? AND start_token = ?");
  for (const ProcessReading& process : platform.read_processes().processes) {
    if (!process.ended) continue;
    of_key.rows([&](SQLite::Statement& row) { upids.push_back(row.getColumn(0).getInt64()); }, process.key.pid,
                process.key.start_token);
  }
  return upids;
}

/// Deletes what was decided on, here or by one that was ended half-way. The room of deleted rows goes back to the file
/// system, and the -wal with it unless somebody reads.
void finish(SQLite::Database& database, Retention& retention) {
  constexpr int kStepsACheckpoint = 50;
  for (int steps = 1; retention.step(); ++steps) {
    if (steps % kStepsACheckpoint == 0) database.execAndGet("PRAGMA wal_checkpoint(PASSIVE)");
  }
  database.setBusyTimeout(0);
  try {
    database.execAndGet("PRAGMA wal_checkpoint(TRUNCATE)");
  } catch (const SQLite::Exception&) {
    // A reader or the recorder holds it back; the next checkpoint of the recorder does the same.
  }
}

/// What goes, or went, as the one row that is printed.
struct Pruned {
  std::int64_t ticks = 0, actions = 0, attempts = 0;
  std::optional<std::int64_t> from_us, until_us;
};

void print(const Context& context, const Pruned& pruned, std::int64_t bytes_before,
           std::optional<std::int64_t> bytes_after) {
  const auto instant = [](const std::optional<std::int64_t>& us) { return us ? Value{format_instant(*us)} : Value{}; };
  RowSet row;
  row.columns = {{"ticks"},
                 {"actions"},
                 {"attempts"},
                 {"from_at", Unit::InstantText},
                 {"until_at", Unit::InstantText},
                 {"used_bytes_before", Unit::Bytes},
                 {"used_bytes_after", Unit::Bytes}};
  row.rows.push_back({pruned.ticks, pruned.actions, pruned.attempts, instant(pruned.from_us), instant(pruned.until_us),
                      bytes_before, bytes_after ? Value{*bytes_after} : Value{}});
  context.print_upright(row);
}

Pruned pruned_of(const std::optional<PrunePlan>& plan) {
  return plan ? Pruned{plan->tick_count, 0, 0, plan->from_us, plan->until_us} : Pruned{};
}
Pruned pruned_of(const ActionPrunePlan& plan) {
  if (plan.action_ids.empty()) return {};
  return {0, static_cast<std::int64_t>(plan.action_ids.size()), plan.attempt_count, plan.from_us, plan.before_us};
}

Error refusal(const std::filesystem::path& path, const std::string& why) {
  return Error(ExitCode::Failed, fmt::format("{} cannot be written: {} Nothing was deleted.", path.string(), why));
}

/// Throws Error where this user may not.
SQLite::Database open_to_prune(const std::filesystem::path& path) {
  try {
    return open_for_acting(path, kPatienceMs);
  } catch (const SQLite::Exception& error) {
    throw refusal(path, describe(error) + ". Try as its owner.");
  }
}

}  // namespace

ExitCode prune_database(const Context& context, const PruneFlags& flags) {
  const std::filesystem::path path = database_to_read(context);
  const std::unique_ptr<Platform> platform = make_platform();
  if (recorder_has_others_open(*platform, path)) {
    throw refusal(path,
                  "its -wal or -shm was removed under its recorder. Restart that, or try again after its next look.");
  }
  const std::int64_t now_us = platform->clocks().wall_us;
  const bool of_actions = !flags.actions_before.empty();
  const std::int64_t before_us = of_actions ? past_instant_us(flags.actions_before, now_us) : 0;
  std::optional<PrunePlan> plan;
  Pruned pruned;
  std::int64_t bytes_before = 0;
  {
    SQLite::Database database = open_for_reading(path);  // says what is wrong with a file that is not ours
    tell_of_leftovers(database, context);
    Retention retention(database);
    bytes_before = retention.used_bytes();
    if (of_actions) {
      pruned = pruned_of(plan_log_prune(database, *platform, before_us));
    } else {
      plan = plan_of(retention, flags);
      pruned = pruned_of(plan);
    }
  }
  if (flags.dry_run) {
    print(context, pruned, bytes_before, std::nullopt);
    return ExitCode::Done;
  }
  // Nothing to forget leaves no trace of having been asked for.
  if (of_actions && pruned.actions > 0) {
    pruned = pruned_of(prune_log(*platform, path, Redactor(context.lists.redact), before_us));
  }
  SQLite::Database database = open_to_prune(path);
  try {
    Retention retention(database);
    retention.keep(listed_dead(database, *platform));
    if (plan) retention.begin(*plan, PruneReason::Asked, now_us);
    finish(database, retention);
    const std::int64_t bytes_after = retention.used_bytes();
    print(context, pruned, bytes_before, bytes_after);
    if (!flags.to_size.empty() && bytes_after > parse_flag("to-size", flags.to_size, parse_size_bytes)) {
      context.say(fmt::format("It still holds {}: the newest looks, what lives, and the log of actions stay.",
                              format_size(bytes_after)));
    }
  } catch (const SQLite::Exception& error) {
    throw Error(ExitCode::Failed,
                fmt::format("{} could not be pruned to the end: {}. What was deleted until then is gone, the rest is "
                            "whole; try again.",
                            path.string(), describe(error)));
  }
  return ExitCode::Done;
}

}  // namespace galproc
