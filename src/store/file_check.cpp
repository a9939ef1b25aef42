#include "store/file_check.h"

#include <fmt/format.h>

#include "store/database.h"
#include "store/ledger.h"

namespace galproc {

namespace {

/// Rows that there should be none of. The statement gives one column for each {} of the sentence.
struct Rule {
  const char* name;
  CheckDepth depth;
  const char* sql;
  const char* sentence;
};

constexpr Rule kRules[] = {
    {"recordings", CheckDepth::Quick,
     "SELECT r.recording_id FROM recording AS r LEFT JOIN recording_end AS e USING (recording_id)"
     " WHERE e.recording_id IS NULL AND r.recording_id < (SELECT max(recording_id) FROM recording)",
     "The recording {0} has no end though a later one began."},
    {"ticks", CheckDepth::Quick,
     "SELECT t.tick_id FROM tick AS t LEFT JOIN tick AS p ON p.tick_id = t.previous_tick_id"
     " WHERE t.previous_tick_id >= coalesce((SELECT max(before_tick_id) FROM prune), 0)"
     " AND (p.tick_id IS NULL OR p.tick_id >= t.tick_id"
     " OR p.recording_id <> t.recording_id OR p.boot_us > t.boot_us)",
     "The tick {0} does not follow the one that it names as the tick before it."},
    {"ticks", CheckDepth::Quick,
     "SELECT t.tick_id FROM tick AS t LEFT JOIN tick AS k ON k.tick_id = t.keyframe_tick_id"
     " WHERE k.tick_id IS NULL OR k.tick_id > t.tick_id OR k.keyframe_tick_id <> k.tick_id"
     " OR k.recording_id <> t.recording_id",
     "The tick {0} names no keyframe of its recording."},
    {"ticks", CheckDepth::Quick,
     "SELECT tick_id FROM tick AS t WHERE previous_tick_id IS NULL AND EXISTS"
     " (SELECT 1 FROM tick AS o WHERE o.recording_id = t.recording_id AND o.tick_id < t.tick_id)",
     "The tick {0} is the first of a recording that had one before."},
    // A service is logged before it runs what it was made for: its image comes later, or never where that was cut
    // short.
    {"processes", CheckDepth::Quick,
     "SELECT p.upid FROM process AS p WHERE NOT EXISTS (SELECT 1 FROM process_image AS i WHERE i.upid = p.upid)"
     " AND NOT EXISTS (SELECT 1 FROM service AS s WHERE s.upid = p.upid)",
     "The process with upid {0} has no image."},
    {"processes", CheckDepth::Quick,
     "SELECT c.upid, c.parent_upid FROM process AS c WHERE c.parent_upid IS NOT NULL"
     " AND NOT EXISTS (SELECT 1 FROM process AS p WHERE p.upid = c.parent_upid)",
     "The process with upid {0} names the parent {1}, which is no process."},
    {"processes", CheckDepth::Quick,
     "SELECT c.upid, c.parent_upid FROM process AS c JOIN process AS p ON p.upid = c.parent_upid"
     " WHERE p.parent_upid = c.upid",
     "The processes with upid {0} and {1} are each other's parents."},
    {"processes", CheckDepth::Full,
     "SELECT p.upid FROM process AS p JOIN process_exit AS x USING (upid)"
     " WHERE x.ended_us < p.started_us - 2000000 AND x.tick_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM gap WHERE "
     "kind = 'clock_step')",
     "The process with upid {0} ended before it started."},
    {"signals", CheckDepth::Full,
     "SELECT g.signal_id, g.target_upid FROM signal_event AS g WHERE g.target_upid IS NOT NULL"
     " AND NOT EXISTS (SELECT 1 FROM process AS p WHERE p.upid = g.target_upid)",
     "The signal {0} was for the upid {1}, which is no process."},
    {"ports", CheckDepth::Quick,
     "SELECT b.binding_id FROM port_binding AS b JOIN port_release AS r USING (binding_id)"
     " JOIN tick AS t ON t.tick_id = b.tick_id JOIN tick AS u ON u.tick_id = r.tick_id WHERE u.tick_id < t.tick_id",
     "The port binding {0} was released at a tick before the one that saw it first."},
    {"samples", CheckDepth::Full,
     "SELECT DISTINCT s.upid FROM process_sample AS s WHERE NOT EXISTS (SELECT 1 FROM process AS p WHERE p.upid = "
     "s.upid)",
     "Samples name the upid {0}, which is no process."},
    {"samples", CheckDepth::Full,
     "SELECT s.tick_id FROM (SELECT DISTINCT tick_id FROM process_sample) AS s"
     " WHERE NOT EXISTS (SELECT 1 FROM tick AS t WHERE t.tick_id = s.tick_id)",
     "Samples name the tick {0}, which is none."},
    {"samples", CheckDepth::Full,
     "SELECT s.upid, s.tick_id FROM process_sample AS s CROSS JOIN process_exit AS x ON x.upid = s.upid"
     " WHERE x.tick_id IS NOT NULL AND s.sample_id >= x.tick_id + 1 << 32",
     "The process with upid {0} has a sample at tick {1}, after its end."},
    {"samples", CheckDepth::Full,
     "SELECT t.tick_id FROM tick AS t WHERE NOT EXISTS (SELECT 1 FROM system_sample AS s WHERE s.tick_id = t.tick_id)"
     " AND NOT EXISTS (SELECT 1 FROM collection_error AS e WHERE e.tick_id = t.tick_id AND e.collector = 'system')",
     "The tick {0} has no sample of the system, and nothing says why."},
    // Who was alive at the tick before a keyframe, and did not end until it, has a sample at it.
    {"keyframes", CheckDepth::Full,
     "WITH keyframe AS (SELECT k.tick_id, k.at_us, b.tick_id AS before_id, b.keyframe_tick_id AS window_id"
     "   FROM tick AS k JOIN tick AS b ON b.tick_id = k.previous_tick_id"
     "   WHERE k.keyframe_tick_id = k.tick_id AND k.process_count IS NOT NULL)"
     " SELECT DISTINCT s.upid, k.tick_id FROM keyframe AS k CROSS JOIN process_sample AS s"
     " ON s.sample_id BETWEEN k.window_id << 32 AND (k.before_id + 1 << 32) - 1"
     " WHERE NOT EXISTS (SELECT 1 FROM process_sample AS f WHERE f.sample_id = (k.tick_id << 32 | s.upid))"
     " AND NOT EXISTS (SELECT 1 FROM process_exit AS x WHERE x.upid = s.upid"
     "   AND (x.tick_id <= k.tick_id OR x.ended_us <= k.at_us))",
     "The process with upid {0} lived at tick {1}, a keyframe, and has no sample there."},
    // Who could not be read then is counted, has none, and left an error.
    {"keyframes", CheckDepth::Full,
     "SELECT k.tick_id, k.process_count FROM tick AS k WHERE k.keyframe_tick_id = k.tick_id"
     " AND k.process_count > 2 * ((SELECT count(*) FROM process_sample AS s"
     "   WHERE s.sample_id BETWEEN k.tick_id << 32 AND (k.tick_id + 1 << 32) - 1)"
     " + coalesce((SELECT sum(e.count) FROM collection_error AS e"
     "   WHERE e.tick_id = k.tick_id AND e.operation = 'read stat'), 0))",
     "The tick {0}, a keyframe, counted {1} processes and has samples of not even half."},
};

class Checker {
 public:
  Checker(SQLite::Database& database, CheckDepth depth) : database_(database), depth_(depth) {}

  std::vector<FileCheck> run() {
    check_pages();
    check_references();
    for (const Rule& rule : kRules) {
      if (rule.depth == CheckDepth::Quick || depth_ == CheckDepth::Full) check(rule);
    }
    return std::move(checks_);
  }

 private:
  FileCheck& of(const std::string& name) {
    if (checks_.empty() || checks_.back().name != name) checks_.push_back({name, 0, ""});
    return checks_.back();
  }
  static void note(FileCheck& check, const std::string& sentence) {
    if (check.problem_count++ == 0) check.detail = sentence;
  }
  /// Calls `each` with every row; what stops that is a problem of the check.
  template <typename Each>
  void each_row(FileCheck& check, const std::string& sql, const Each& each) {
    try {
      SQLite::Statement statement(database_, sql);
      while (statement.executeStep()) each(statement);
    } catch (const SQLite::Exception& error) {
      note(check, "It cannot be read to its end: " + describe(error) + ".");
    }
  }

  void check_pages() {
    FileCheck& pages = of("pages");
    const char* pragma = depth_ == CheckDepth::Full ? "PRAGMA integrity_check" : "PRAGMA quick_check";
    each_row(pages, pragma, [&](SQLite::Statement& row) {
      const std::string said = row.getColumn(0).getString();
      if (said != "ok") note(pages, "SQLite says: " + said + ".");
    });
  }
  void check_references() {
    FileCheck& references = of("references");
    each_row(references, "PRAGMA foreign_key_check", [&](SQLite::Statement& row) {
      note(references, fmt::format("A row of {} names one of {} that is not there.", row.getColumn(0).getString(),
                                   row.getColumn(2).getString()));
    });
  }
  void check(const Rule& rule) {
    FileCheck& check = of(rule.name);
    each_row(check, rule.sql, [&](SQLite::Statement& row) {
      if (check.problem_count > 0) {
        ++check.problem_count;
        return;
      }
      const std::int64_t first = row.getColumn(0).getInt64();
      const std::int64_t second = row.getColumnCount() > 1 ? row.getColumn(1).getInt64() : 0;
      note(check, fmt::format(fmt::runtime(rule.sentence), first, second));
    });
  }

  SQLite::Database& database_;
  CheckDepth depth_;
  std::vector<FileCheck> checks_;
};

}  // namespace

std::vector<FileCheck> check_file(SQLite::Database& database, CheckDepth depth) {
  std::vector<FileCheck> checks;
  {
    SQLite::Transaction one_moment(database);
    checks = Checker(database, depth).run();
  }
  if (depth == CheckDepth::Full) {
    FileCheck ledger{"ledger", 0, ""};
    try {
      const LedgerReport report = verify_ledger(database);
      if (!report.holds) ledger = {"ledger", 1, report.problem};
    } catch (const SQLite::Exception& error) {
      ledger = {"ledger", 1, "It cannot be read to its end: " + describe(error) + "."};
    }
    checks.push_back(std::move(ledger));
  }
  return checks;
}

}  // namespace galproc
