// `galproc db check`, `snapshot` and `info`: the file as a file.

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "cli/db.h"
#include "model/text.h"
#include "platform/platform.h"
#include "store/database.h"
#include "store/file_check.h"
#include "store/snapshot.h"
#include "store/statement.h"

namespace galproc {

namespace {

namespace fs = std::filesystem;

/// A file that is made and gone again unless it is kept.
class NewFile {
 public:
  explicit NewFile(fs::path path) : path_(std::move(path)) {}
  ~NewFile() {
    if (kept_) return;
    std::error_code ignored;
    for (const char* end : {"", "-journal", "-wal", "-shm"}) fs::remove(path_.string() + end, ignored);
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  void keep() { kept_ = true; }

 private:
  fs::path path_;
  bool kept_ = false;
};

fs::path new_file(const std::string& text) {
  if (text.empty()) throw UsageError("No file was named for the snapshot: galproc db snapshot OUT.");
  fs::path path = fs::absolute(text);
  std::error_code failed;
  if (fs::exists(fs::symlink_status(path, failed))) {
    throw UsageError(fmt::format("{} is there already, and is not written over. Name a new file.", path.string()));
  }
  if (!fs::is_directory(path.parent_path(), failed)) {
    throw UsageError(fmt::format("{} is not a folder that can be read. Make it, or name another file.",
                                 path.parent_path().string()));
  }
  return path;
}

Value text_or_null(SQLite::Database& database, const char* sql) {
  Value text;
  Prepared(database, sql).rows([&](SQLite::Statement& row) {
    if (!row.getColumn(0).isNull()) text = row.getColumn(0).getString();
  });
  return text;
}

std::int64_t size_of(const fs::path& path) {
  std::error_code failed;
  const auto bytes = fs::file_size(path, failed);
  return failed ? 0 : static_cast<std::int64_t>(bytes);
}

/// Microseconds in which somebody recorded, holes left out.
constexpr const char* kRecordedUs =
    "SELECT coalesce(sum(min(r.interval_us, t.boot_us - (SELECT p.boot_us FROM tick AS p"
    " WHERE p.tick_id = t.previous_tick_id))), 0)"
    " FROM tick AS t JOIN recording AS r USING (recording_id) WHERE t.previous_tick_id IS NOT NULL";

}  // namespace

ExitCode check_database(const Context& context, bool quick) {
  const fs::path path = database_to_read(context);
  std::vector<FileCheck> checks;
  {
    SQLite::Database database = open_for_reading(path);
    tell_of_leftovers(database, context);
    checks = check_file(database, quick ? CheckDepth::Quick : CheckDepth::Full);
  }
  RowSet rows;
  rows.columns = {{"check"}, {"problems"}, {"detail"}};
  std::int64_t problems = 0;
  for (const FileCheck& check : checks) {
    problems += check.problem_count;
    rows.rows.push_back({check.name, check.problem_count, check.detail.empty() ? Value{} : Value{check.detail}});
  }
  context.print(rows);
  if (problems == 0) return ExitCode::Done;
  throw Error(
      ExitCode::Failed,
      fmt::format("{} is not as it should be: {} problem{}. Keep a copy (galproc db snapshot OUT), and record to a "
                  "new file.",
                  path.string(), problems, problems == 1 ? "" : "s"));
}

ExitCode snapshot_database(const Context& context, const std::string& out) {
  const fs::path path = new_file(out);
  const fs::path source = database_to_read(context);
  {
    SQLite::Database database = open_for_reading(source);
    NewFile made(path);
    try {
      make_platform()->make_shared_file(path);
    } catch (const PlatformError& error) {
      throw Error(ExitCode::Failed, fmt::format("The snapshot {} cannot be made: {}. Name a file elsewhere.",
                                                path.string(), std::generic_category().message(error.os_code())));
    }
    try {
      copy_database(database, path);
    } catch (const SQLite::Exception& error) {
      throw Error(ExitCode::Failed,
                  fmt::format("No snapshot of {} could be made at {}: {}. Name a file where there is room.",
                              source.string(), path.string(), describe(error)));
    }
    made.keep();
  }
  RowSet rows;
  rows.columns = {{"path"}, {"bytes", Unit::Bytes}, {"ticks"}, {"last_at", Unit::InstantText}};
  SQLite::Database copy = open_for_reading(path);
  rows.rows.push_back({path.string(), size_of(path), Prepared(copy, "SELECT count(*) FROM tick").number().value_or(0),
                       text_or_null(copy, "SELECT at FROM ticks ORDER BY tick_id DESC LIMIT 1")});
  context.print(rows);
  return ExitCode::Done;
}

ExitCode print_info(const Context& context) {
  const fs::path path = database_to_read(context);
  SQLite::Database database = open_for_reading(path);
  tell_of_leftovers(database, context);
  const SQLite::Transaction one_moment(database);
  const auto number = [&](const char* sql) -> Value {
    const auto value = Prepared(database, sql).number();
    return value ? Value{*value} : Value{};
  };
  const std::int64_t page_bytes = Prepared(database, "PRAGMA page_size").number().value_or(0);
  const std::int64_t pages = Prepared(database, "PRAGMA page_count").number().value_or(0);
  const std::int64_t free_pages = Prepared(database, "PRAGMA freelist_count").number().value_or(0);
  const std::int64_t used_bytes = (pages - free_pages) * page_bytes;
  const std::int64_t recorded_us = Prepared(database, kRecordedUs).number().value_or(0);
  std::error_code failed;
  const fs::space_info space = fs::space(path.parent_path(), failed);

  RowSet row;
  std::vector<Value> values;
  const auto add = [&](const char* name, Value value, Unit unit = Unit::None) {
    row.columns.push_back({name, unit});
    values.push_back(std::move(value));
  };
  add("path", path.string());
  add("schema", std::int64_t{schema_version()});
  add("bytes", size_of(path), Unit::Bytes);
  add("wal_bytes", size_of(path.string() + "-wal"), Unit::Bytes);
  add("used_bytes", used_bytes, Unit::Bytes);
  add("recordings", number("SELECT count(*) FROM recording"));
  add("ticks", number("SELECT count(*) FROM tick"));
  add("first_at", text_or_null(database, "SELECT at FROM ticks ORDER BY tick_id LIMIT 1"), Unit::InstantText);
  add("last_at", text_or_null(database, "SELECT at FROM ticks ORDER BY tick_id DESC LIMIT 1"), Unit::InstantText);
  add("recorded_us", recorded_us, Unit::DurationUs);
  add("processes", number("SELECT count(*) FROM process"));
  add("actions", number("SELECT count(*) FROM action"));
  add("ledger_length", number("SELECT count(*) FROM ledger"));
  add("ledger_head", text_or_null(database, "SELECT hash FROM ledger ORDER BY seq DESC LIMIT 1"));
  // Of a file that has just begun the tables themselves weigh more than what is in them.
  constexpr std::int64_t kAnHourUs = 3'600'000'000;
  constexpr std::int64_t kADayUs = 24 * kAnHourUs;
  const bool has_rate = recorded_us >= kAnHourUs;
  const double bytes_per_day =
      has_rate ? static_cast<double>(used_bytes) / static_cast<double>(recorded_us) * static_cast<double>(kADayUs) : 0;
  add("bytes_per_day", has_rate ? Value{static_cast<std::int64_t>(bytes_per_day)} : Value{}, Unit::Bytes);
  add("disk_free_bytes", failed ? Value{} : Value{static_cast<std::int64_t>(space.available)}, Unit::Bytes);
  add("disk_lasts_us",
      failed || !has_rate || bytes_per_day < 1
          ? Value{}
          : Value{static_cast<std::int64_t>(static_cast<double>(space.available) / bytes_per_day *
                                            static_cast<double>(kADayUs))},
      Unit::DurationUs);
  row.rows.push_back(std::move(values));
  context.print_upright(row);
  return ExitCode::Done;
}

}  // namespace galproc
