// `galproc db prune`: the oldest goes because somebody says so.

#include <fmt/format.h>

#include <filesystem>

#include "cli/db.h"
#include "model/time_words.h"
#include "platform/platform.h"
#include "store/database.h"
#include "store/retention.h"
#include "store/statement.h"

namespace galproc {

namespace {

constexpr int kPatienceMs = 10'000;

std::optional<PrunePlan> plan_of(Retention& retention, const PruneFlags& flags) {
  if (!flags.older.empty()) return retention.by_age(parse_flag("older", flags.older, parse_duration_us), true);
  if (!flags.to_size.empty()) return retention.by_size(parse_flag("to-size", flags.to_size, parse_size_bytes));
  throw UsageError("Neither --older nor --to-size was given: how much is to be kept?");
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

}  // namespace

ExitCode prune_database(const Context& context, const PruneFlags& flags) {
  const std::filesystem::path path = database_to_read(context);
  std::optional<PrunePlan> plan;
  std::int64_t bytes_before = 0;
  {
    SQLite::Database database = open_for_reading(path);  // says what is wrong with a file that is not ours
    tell_of_leftovers(database, context);
    Retention retention(database);
    plan = plan_of(retention, flags);
    bytes_before = retention.used_bytes();
  }
  std::int64_t bytes_after = bytes_before;
  if (!flags.dry_run) {
    try {
      SQLite::Database database = open_for_acting(path, kPatienceMs);
      const std::unique_ptr<Platform> platform = make_platform();
      Retention retention(database);
      retention.keep(listed_dead(database, *platform));
      if (plan) retention.begin(*plan, PruneReason::Asked, platform->clocks().wall_us);
      finish(database, retention);
      bytes_after = retention.used_bytes();
    } catch (const SQLite::Exception& error) {
      throw Error(ExitCode::Failed,
                  fmt::format("{} could not be pruned to the end: {}. What was deleted until then is gone, the rest is "
                              "whole; try again.",
                              path.string(), describe(error)));
    }
  }
  RowSet row;
  row.columns = {{"ticks"},
                 {"from_at", Unit::InstantText},
                 {"until_at", Unit::InstantText},
                 {"used_bytes_before", Unit::Bytes},
                 {"used_bytes_after", Unit::Bytes}};
  row.rows.push_back({plan ? plan->tick_count : 0, plan ? Value{format_instant(plan->from_us)} : Value{},
                      plan ? Value{format_instant(plan->until_us)} : Value{}, bytes_before,
                      flags.dry_run ? Value{} : Value{bytes_after}});
  context.print_object(row);
  return ExitCode::Done;
}

}  // namespace galproc
