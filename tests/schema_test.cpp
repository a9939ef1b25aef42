// The schema as documentation and as a contract: comments, STRICT, numbers, and what the file says of itself.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "model/errors.h"
#include "store/database.h"
#include "store/embedded.h"
#include "support/temporary_folder.h"

namespace galproc {
namespace {

class SchemaTest : public testing::Test {
 protected:
  SchemaTest() : database_(open_for_recording(folder_ / "galproc.db", 1000)) {}
  std::vector<std::pair<std::string, std::string>> definitions(const std::string& type) {
    std::vector<std::pair<std::string, std::string>> found;
    SQLite::Statement rows(database_,
                           "SELECT name, sql FROM sqlite_schema WHERE type = ? AND name NOT LIKE 'sqlite_%'");
    rows.bind(1, type);
    while (rows.executeStep()) found.emplace_back(rows.getColumn(0).getString(), rows.getColumn(1).getString());
    return found;
  }
  std::vector<std::string> columns(const std::string& table) {
    std::vector<std::string> names;
    SQLite::Statement rows(database_, "SELECT name FROM pragma_table_info(?)");
    rows.bind(1, table);
    while (rows.executeStep()) names.push_back(rows.getColumn(0).getString());
    return names;
  }
  TemporaryFolder folder_;
  SQLite::Database database_;
};

TEST_F(SchemaTest, EveryTableIsStrictAndEveryColumnOfItHasAComment) {
  ASSERT_GT(definitions("table").size(), 10U);
  for (const auto& [table, sql] : definitions("table")) {
    EXPECT_NE(sql.find("STRICT"), std::string::npos) << table;
    std::istringstream lines(sql);
    std::set<std::string> commented;
    for (std::string line; std::getline(lines, line);) {
      const std::size_t start = line.find_first_not_of(' ');
      if (start != std::string::npos && line.find("-- ") != std::string::npos) {
        commented.insert(line.substr(start, line.find(' ', start) - start));
      }
    }
    for (const std::string& column : columns(table)) {
      // A comment may stand on the line where a CHECK over two lines ends.
      const std::size_t at = sql.find("  " + column + " ");
      const bool checked_over_lines =
          at != std::string::npos && sql.find("-- ", at) < sql.find("\n  ", sql.find('\n', at) + 1);
      // SQLite keeps one that was added later behind the others, on their line.
      const bool added_later = sql.find(", " + column + " INTEGER /* ") != std::string::npos;
      EXPECT_TRUE(commented.contains(column) || checked_over_lines || added_later)
          << table << "." << column << " has no comment";
    }
  }
}

TEST_F(SchemaTest, EveryColumnOfAViewHasAComment) {
  ASSERT_GE(definitions("view").size(), 9U);
  for (const auto& [view, sql] : definitions("view")) {
    for (const std::string& column : columns(view)) {
      bool commented = false;
      std::istringstream lines(sql);
      for (std::string line; std::getline(lines, line);) {
        const std::size_t comment = line.find("-- ");
        if (comment == std::string::npos) continue;
        const std::string code = line.substr(0, line.find_last_not_of(" ,", comment - 1) + 1);
        commented = commented || code.ends_with(column);
      }
      EXPECT_TRUE(commented) << view << "." << column << " has no comment on its line";
    }
  }
}

TEST_F(SchemaTest, ViewsHaveTheColumnsThatOthersRelyOn) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> promised = {
      {"processes",
       {"upid", "pid", "parent_upid", "parent_pid", "name", "executable", "command_line", "uid", "user", "cgroup",
        "venv", "started_us", "started_at", "ended_us", "ended_at", "exit_code", "exit_signal", "cpu_us",
        "peak_resident_bytes"}},
      {"process_images", {"upid", "at_us", "at", "name", "executable", "command_line", "cgroup", "venv"}},
      {"process_samples",
       {"tick_id", "at_us", "at", "upid", "pid", "name", "state", "cpu_user_us", "cpu_system_us", "resident_bytes",
        "thread_count", "read_bytes", "written_bytes"}},
      {"system_samples",
       {"tick_id", "at_us", "at", "cpu_pct", "memory_total_bytes", "memory_available_bytes", "swap_used_bytes",
        "disk_total_bytes", "disk_used_bytes", "received_bytes", "sent_bytes", "load_1m", "process_count"}},
      {"port_bindings",
       {"binding_id", "upid", "pid", "name", "protocol", "address", "port", "network_namespace", "bound_us", "bound_at",
        "released_us", "released_at", "bound_earliest_us", "bound_latest_us", "released_earliest_us",
        "released_latest_us"}},
      {"recordings",
       {"recording_id", "started_us", "started_at", "ended_us", "ended_at", "interval_us", "process_source",
        "socket_source", "event_source", "process_source_reason", "socket_source_reason", "event_source_reason",
        "limits", "events_lost"}},
      {"ticks", {"tick_id", "at_us", "at", "late_us", "duration_us", "process_count", "is_keyframe"}},
      {"gaps", {"from_us", "from_at", "to_us", "to_at", "kind", "detail"}},
      {"metrics", {"time", "metric", "value"}},
      {"actions",
       {"action_id", "at_us", "at", "verb", "actor_pid", "actor_name", "actor_user", "login_uid", "sudo_user", "tty",
        "cwd", "command_line", "host", "reason", "outcome", "exit_code"}},
      {"termination_attempts", {"attempt_id",  "signal_id",   "action_id",   "source",     "seen_by",     "at_us",
                                "at",          "method",      "signal",      "cause",      "sender_upid", "sender_pid",
                                "sender_name", "sender_user", "target_upid", "target_pid", "target_name", "outcome",
                                "error",       "ended_us",    "ended_at",    "exit_code",  "exit_signal", "reason"}},
      {"services",
       {"service_id", "service", "upid", "pid", "name", "state", "venv", "command_line", "log_path", "started_us",
        "started_at", "ended_us", "ended_at", "exit_code", "exit_signal"}},
  };
  for (const auto& [view, names] : promised) {
    const auto real = columns(view);
    const std::set<std::string> there(real.begin(), real.end());
    for (const std::string& name : names) EXPECT_TRUE(there.contains(name)) << view << "." << name;
  }
}

TEST_F(SchemaTest, MigrationsAreNumberedWithoutHolesAndTheFileSaysWhatItIs) {
  for (std::size_t i = 0; i < kSchemaFilesCount; ++i) {
    EXPECT_EQ(std::stoul(std::string(kSchemaFiles[i].name).substr(0, 4)), i + 1);
  }
  EXPECT_EQ(database_.execAndGet("PRAGMA user_version").getInt(), schema_version());
  EXPECT_EQ(database_.execAndGet("PRAGMA application_id").getInt64(), 0x67616c70);
  EXPECT_EQ(database_.execAndGet("PRAGMA journal_mode").getString(), "wal");
  EXPECT_EQ(database_.execAndGet("PRAGMA auto_vacuum").getInt(), 2);
}

TEST_F(SchemaTest, AMigrationThatIsInterruptedLeavesNothing) {
  const std::filesystem::path path = folder_ / "half.db";
  {
    SQLite::Database half(path.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    half.exec("PRAGMA application_id = 0x67616c70");
    half.exec("CREATE TABLE tick (in_the_way)");  // the migration meets it half-way
  }
  EXPECT_THROW(open_for_recording(path, 100), SQLite::Exception);
  SQLite::Database after(path.string(), SQLite::OPEN_READONLY);
  EXPECT_EQ(after.execAndGet("PRAGMA user_version").getInt(), 0);
  EXPECT_EQ(after.execAndGet("SELECT group_concat(name) FROM sqlite_schema").getString(), "tick");
}

TEST_F(SchemaTest, AnOlderFileIsMigratedByTheRecorderAndRefusedByAReader) {
  const std::filesystem::path path = folder_ / "old.db";
  {
    SQLite::Database old(path.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    old.exec("PRAGMA application_id = 0x67616c70");
    old.exec("CREATE VIEW processes AS SELECT 1 AS old_shape");
  }
  EXPECT_THROW(open_for_reading(path), Error);
  const SQLite::Database migrated = open_for_recording(path, 100);
  EXPECT_EQ(open_for_reading(path).execAndGet("SELECT count(*) FROM processes").getInt(), 0);
}

TEST_F(SchemaTest, TheKindOfAFileIsSeenWithoutChangingIt) {
  EXPECT_EQ(examine_file(folder_ / "absent.db"), FileKind::New);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "absent.db"));
  std::ofstream(folder_ / "empty.db").flush();
  EXPECT_EQ(examine_file(folder_ / "empty.db"), FileKind::New);
  std::ofstream(folder_ / "text.db") << std::string(5000, 'x');
  EXPECT_EQ(examine_file(folder_ / "text.db"), FileKind::Foreign);
  SQLite::Database((folder_ / "bare.db").string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec("VACUUM");
  EXPECT_EQ(examine_file(folder_ / "bare.db"), FileKind::New);
  EXPECT_EQ(examine_file(folder_.path()), FileKind::Foreign);
  std::filesystem::copy_file(folder_ / "galproc.db", folder_ / "copy.db");
  EXPECT_EQ(examine_file(folder_ / "copy.db"), FileKind::Ours);
  std::fstream file(folder_ / "copy.db", std::ios::in | std::ios::out | std::ios::binary);
  file.write("garbage!", 8);
  file.close();
  EXPECT_EQ(examine_file(folder_ / "copy.db"), FileKind::Damaged);
}

}  // namespace
}  // namespace galproc
