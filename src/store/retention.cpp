#include "store/retention.h"

#include <sqlite3.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>

#include "store/database.h"

namespace galproc {

namespace {

/// So that a step holds the write lock for some milliseconds at most.
constexpr int kDeadAtOnce = 500;
constexpr int kPagesAtOnce = 128;
constexpr std::size_t kTextsAtOnce = 2000;
/// Free pages are used again before the file grows: a few are left to that.
constexpr std::int64_t kFreePages = 256;

constexpr const char* kTickFrom =
    "SELECT t.tick_id, t.recording_id, t.at_us, t.keyframe_tick_id, r.interval_us FROM tick AS t CROSS JOIN recording "
    "AS"
    " r ON r.recording_id = t.recording_id WHERE t.tick_id >= ? ORDER BY t.tick_id LIMIT 1";
constexpr const char* kTickUntil =
    "SELECT t.tick_id, t.recording_id, t.at_us, t.keyframe_tick_id, r.interval_us FROM tick AS t CROSS JOIN recording "
    "AS"
    " r ON r.recording_id = t.recording_id WHERE t.tick_id <= ? ORDER BY t.tick_id DESC LIMIT 1";

const char* name_of(PruneReason reason) {
  switch (reason) {
    case PruneReason::Retain: return "retain";
    case PruneReason::MaxSize: return "max_size";
    case PruneReason::MinFree: return "min_free";
    case PruneReason::Asked: break;
  }
  return "asked";
}

/// Dead before the keyframe ?1: without a sample at it, with an end that no later tick found, and either dated before
/// it while no clock was set back since, or met before it. Whoever is named by what is kept stays, and with it who is
/// named by that one's row. A child that is met after the keyframe though it was born before is in the tick after it.
constexpr const char* kDead =
    "WITH RECURSIVE"
    " moment AS MATERIALIZED ("
    "   SELECT at_us, EXISTS (SELECT 1 FROM tick AS t WHERE t.at_us < k.at_us AND t.tick_id > k.tick_id) AS "
    "was_set_back,"
    "     (SELECT max(upid) FROM process_sample WHERE sample_id BETWEEN ?1 << 32 AND (?1 + 1 << 32) - 1) AS met_upid,"
    "     (SELECT max(upid) FROM process_sample WHERE sample_id BETWEEN ?1 << 32 AND (?1 + 2 << 32) - 1) AS naming_upid"
    "   FROM tick AS k WHERE tick_id = ?1 AND process_count IS NOT NULL),"
    " candidate AS ("
    "   SELECT x.upid FROM moment AS m CROSS JOIN process_exit AS x ON x.ended_us < m.at_us WHERE NOT m.was_set_back"
    "   UNION SELECT p.upid FROM moment AS m CROSS JOIN process AS p ON p.upid <= m.met_upid"
    "     WHERE EXISTS (SELECT 1 FROM process_exit AS x WHERE x.upid = p.upid)),"
    " dead AS MATERIALIZED ("
    "   SELECT c.upid FROM candidate AS c"
    "   WHERE NOT EXISTS (SELECT 1 FROM process_sample AS s WHERE s.sample_id = (?1 << 32 | c.upid))"
    "   AND c.upid NOT IN (SELECT upid FROM temp.listed_dead)"
    "   AND NOT EXISTS (SELECT 1 FROM process_exit AS x WHERE x.upid = c.upid AND x.tick_id >= ?1)),"
    " bound AS MATERIALIZED ("
    "   SELECT max(naming_upid, coalesce((SELECT max(upid) FROM dead), 0)) AS upid FROM moment),"
    " kept (upid) AS ("
    "   SELECT upid FROM process WHERE upid <= (SELECT upid FROM bound) AND upid NOT IN (SELECT upid FROM dead)"
    "   UNION SELECT actor_upid FROM action WHERE actor_upid IS NOT NULL"
    "   UNION SELECT target_upid FROM attempt WHERE target_upid IS NOT NULL"
    "   UNION SELECT upid FROM service"
    "   UNION SELECT upid FROM port_binding WHERE upid <= (SELECT upid FROM bound)"
    "   UNION SELECT target_upid FROM signal_event WHERE target_upid <= (SELECT upid FROM bound)"
    "   UNION SELECT p.parent_upid FROM kept AS k CROSS JOIN process AS p ON p.upid = k.upid"
    "     WHERE p.parent_upid IS NOT NULL"
    "   UNION SELECT p.parent_upid FROM kept AS k CROSS JOIN process_parent AS p ON p.upid = k.upid"
    "     WHERE p.parent_upid IS NOT NULL)"
    " SELECT upid FROM dead WHERE upid NOT IN (SELECT upid FROM kept) LIMIT ?2";

/// What follows is known to break no reference: to look for one each deleted text would have all images read.
class NoForeignKeys {
 public:
  explicit NoForeignKeys(SQLite::Database& database) : handle_(database.getHandle()) {
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_ENABLE_FKEY, -1, &was_on_);
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_ENABLE_FKEY, 0, nullptr);
  }
  ~NoForeignKeys() { sqlite3_db_config(handle_, SQLITE_DBCONFIG_ENABLE_FKEY, was_on_, nullptr); }
  NoForeignKeys(const NoForeignKeys&) = delete;
  NoForeignKeys& operator=(const NoForeignKeys&) = delete;

 private:
  sqlite3* handle_;
  int was_on_ = 0;
};

}  // namespace

Retention::Retention(SQLite::Database& database)
    : database_((database.exec("CREATE TABLE IF NOT EXISTS temp.listed_dead (upid INTEGER PRIMARY KEY)"), database)),
      ledger_(database),
      tick_from_(database, kTickFrom),
      tick_until_(database, kTickUntil),
      oldest_(database, "SELECT min(tick_id) FROM tick"),
      newest_(database, "SELECT max(tick_id) FROM tick"),
      declared_(database, "SELECT max(before_tick_id) FROM prune"),
      page_count_(database, "PRAGMA page_count"),
      free_count_(database, "PRAGMA freelist_count"),
      page_bytes_(database, "PRAGMA page_size"),
      user_version_(database, "PRAGMA user_version"),
      data_version_(database, "PRAGMA data_version") {}

void Retention::keep(const std::vector<std::int64_t>& upids) {
  database_.exec("DELETE FROM temp.listed_dead");
  Prepared insert(database_, "INSERT OR IGNORE INTO temp.listed_dead (upid) VALUES (?)");
  for (const std::int64_t upid : upids) insert.run(upid);
}

std::int64_t Retention::used_bytes() {
  return (page_count_.number().value_or(0) - free_count_.number().value_or(0)) * page_bytes_.number().value_or(0);
}

std::int64_t Retention::unwritten_bytes() {
  std::error_code failed;
  const auto written = std::filesystem::file_size(database_.getFilename(), failed);
  const std::int64_t all = page_count_.number().value_or(0) * page_bytes_.number().value_or(0);
  return failed ? all : std::max<std::int64_t>(0, all - static_cast<std::int64_t>(written));
}

std::optional<Retention::Tick> Retention::tick_at(Prepared& statement, std::int64_t tick_id) {
  std::optional<Tick> tick;
  statement.rows(
      [&](SQLite::Statement& row) {
        tick = {row.getColumn(0).getInt64(), row.getColumn(1).getInt64(), row.getColumn(2).getInt64(),
                row.getColumn(3).getInt64(), row.getColumn(4).getInt64()};
      },
      tick_id);
  return tick;
}

Retention::Tick Retention::needed(const std::optional<Tick>& tick) {
  if (!tick) throw SQLite::Exception("a tick is gone that has to be there", SQLITE_CORRUPT);
  return *tick;
}

Retention::Tick Retention::first_of_recording(const Tick& last, std::int64_t oldest_id) {
  std::int64_t low = oldest_id, high = last.tick_id;
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    if (needed(tick_at(tick_from_, middle)).recording_id >= last.recording_id) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return needed(tick_at(tick_from_, low));
}

std::optional<PrunePlan> Retention::by_age(std::int64_t retain_us, bool exactly) {
  const auto oldest_id = oldest_.number();
  if (!oldest_id) return std::nullopt;
  std::optional<Tick> last = tick_at(tick_until_, newest_.number().value_or(0));
  std::int64_t age_us = 0;  // of `last`, the newest tick of its recording
  std::optional<std::int64_t> cut;
  while (last) {
    const Tick first = first_of_recording(*last, *oldest_id);
    const std::int64_t length_us = (last->tick_id - first.tick_id) * last->interval_us;
    if (!cut && age_us + length_us >= retain_us) {
      const std::int64_t kept = (retain_us - age_us + last->interval_us - 1) / last->interval_us;
      cut = needed(tick_at(tick_until_, last->tick_id - kept)).keyframe_tick_id;
    }
    age_us += length_us;
    last = tick_at(tick_until_, first.tick_id - 1);
  }
  constexpr std::int64_t kSlackPart = 100;
  if (!cut || (!exactly && age_us - retain_us < retain_us / kSlackPart)) return std::nullopt;
  return plan_before(*cut);
}

std::optional<PrunePlan> Retention::by_size(std::int64_t most_bytes) {
  constexpr double kAim = 0.95;
  const std::int64_t used = used_bytes();
  const auto oldest_id = oldest_.number();
  if (used <= most_bytes || !oldest_id) return std::nullopt;
  const Tick newest = needed(tick_at(tick_until_, newest_.number().value_or(0)));
  const double part = 1 - kAim * static_cast<double>(most_bytes) / static_cast<double>(used);
  const auto aim = static_cast<std::int64_t>(part * static_cast<double>(newest.tick_id - *oldest_id));
  // A window at least: the aim may lie in the first one.
  std::int64_t cut = needed(tick_at(tick_from_, *oldest_id + aim)).keyframe_tick_id;
  for (std::int64_t next = *oldest_id + aim + 1; cut <= *oldest_id && cut < newest.keyframe_tick_id; ++next) {
    cut = needed(tick_at(tick_from_, next)).keyframe_tick_id;
  }
  return plan_before(cut);
}

std::optional<PrunePlan> Retention::plan_before(std::int64_t tick_id) {
  const auto first = tick_at(tick_from_, 0);
  // A keyframe without a process table, as a recording may begin with, holds nobody: what comes after it rests on the
  // one before.
  Prepared holds(
      database_,
      "SELECT tick_id FROM tick WHERE tick_id <= ? AND keyframe_tick_id = tick_id AND process_count IS NOT NULL"
      " ORDER BY tick_id DESC LIMIT 1");
  const auto kept = tick_at(tick_from_, holds.number(tick_id).value_or(0));
  if (!first || !kept || kept->tick_id <= first->tick_id) return std::nullopt;
  Prepared count(database_, "SELECT count(*) FROM tick WHERE tick_id < ?");
  return PrunePlan{kept->tick_id, count.number(kept->tick_id).value_or(0), first->at_us, kept->at_us};
}

void Retention::begin(const PrunePlan& plan, PruneReason reason, std::int64_t at_us) {
  SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
  if (was_migrated()) return;
  Prepared insert(database_,
                  "INSERT INTO prune (at_us, reason, before_tick_id, from_us, until_us) VALUES (?, ?, ?, ?, ?)"
                  " RETURNING prune_id");
  const std::int64_t prune_id =
      insert.number(at_us, name_of(reason), plan.before_tick_id, plan.from_us, plan.until_us).value_or(0);
  ledger_.append("prune", prune_id);
  transaction.commit();
}

bool Retention::step() {
  const auto declared = declared_.number();
  const auto oldest_id = oldest_.number();
  if (!oldest_id) return give_pages_back();
  const bool swept = swept_tick_id_ == oldest_id;
  if (swept && *oldest_id >= declared.value_or(0)) return delete_unused_texts() || give_pages_back();

  SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
  if (was_migrated()) return false;
  bool some_left = true;
  if (swept) {
    Prepared next(database_,
                  "SELECT tick_id FROM tick WHERE tick_id > ? AND keyframe_tick_id = tick_id ORDER BY tick_id LIMIT 1");
    delete_window(std::min(next.number(*oldest_id).value_or(*declared), *declared));
  } else {
    some_left = delete_dead(*oldest_id);
  }
  transaction.commit();
  if (!some_left) swept_tick_id_ = oldest_id;
  return true;
}

bool Retention::was_migrated() {
  return user_version_.number().value_or(0) > schema_version();
}

bool Retention::is_pending() {
  const auto declared = declared_.number();
  const auto oldest_id = oldest_.number();
  return declared && oldest_id && (*declared > *oldest_id || texts_tick_id_ != oldest_id || has_pages_to_give_back());
}

void Retention::delete_window(std::int64_t end_tick_id) {
  for (const char* sql : {
           "DELETE FROM process_sample WHERE sample_id < ? << 32",
           "DELETE FROM system_sample WHERE tick_id < ?",
           "DELETE FROM collection_error WHERE tick_id < ?",
           "DELETE FROM tick WHERE tick_id < ?",
       }) {
    Prepared(database_, sql).run(end_tick_id);
  }
  // A release that no tick found belongs to the tick that saw its hold first, at the earliest.
  std::vector<std::int64_t> released;
  Prepared(database_,
           "SELECT b.binding_id FROM port_release AS r CROSS JOIN port_binding AS b USING (binding_id)"
           " WHERE r.released_us < (SELECT at_us FROM tick WHERE tick_id = ?1) AND coalesce(r.tick_id, b.tick_id) < ?1")
      .rows([&](SQLite::Statement& row) { released.push_back(row.getColumn(0).getInt64()); }, end_tick_id);
  Prepared delete_release(database_, "DELETE FROM port_release WHERE binding_id = ?");
  Prepared delete_binding(database_, "DELETE FROM port_binding WHERE binding_id = ?");
  for (const std::int64_t binding_id : released) {
    delete_release.run(binding_id);
    delete_binding.run(binding_id);
  }
  // Signals, and what was lost, have no tick. Where a kept one is dated before this, the clock was set back after it,
  // and theirs do not tell which side they are on: they wait until it is past.
  const auto run_on_past = [&](std::string sql, const char* ending = "") {
    sql +=
        " < (SELECT at_us FROM tick WHERE tick_id = ?1)"
        " AND NOT EXISTS (SELECT 1 FROM tick WHERE at_us < (SELECT at_us FROM tick WHERE tick_id = ?1))";
    sql += ending;
    Prepared(database_, sql).run(end_tick_id);
  };
  run_on_past("DELETE FROM signal_event WHERE at_us");
  // How much was lost stays known, in one row for each source.
  const std::int64_t newest_loss = Prepared(database_, "SELECT max(loss_id) FROM event_loss").number().value_or(0);
  run_on_past(
      "INSERT INTO event_loss (recording_id, source, from_us, to_us, lost_count)"
      " SELECT max(recording_id), source, min(from_us), max(to_us), sum(lost_count) FROM event_loss WHERE to_us",
      " GROUP BY source");
  run_on_past("DELETE FROM event_loss WHERE loss_id <= " + std::to_string(newest_loss) + " AND to_us");
}

bool Retention::delete_dead(std::int64_t oldest_tick_id) {
  std::vector<std::int64_t> dead;
  Prepared(database_, kDead)
      .rows([&](SQLite::Statement& row) { dead.push_back(row.getColumn(0).getInt64()); }, oldest_tick_id, kDeadAtOnce);
  std::vector<Prepared> deletes;
  for (const char* table : {"process_exit", "process_parent", "process_image", "process"}) {
    deletes.emplace_back(database_, std::string("DELETE FROM ") + table + " WHERE upid = ?");
  }
  for (const std::int64_t upid : dead) {
    for (Prepared& statement : deletes) statement.run(upid);
  }
  return dead.size() == static_cast<std::size_t>(kDeadAtOnce);
}

std::vector<std::int64_t> Retention::unused_texts() {
  std::string columns;
  Prepared(database_, "SELECT f.\"from\" FROM pragma_foreign_key_list('process_image') AS f WHERE f.\"table\" = 'text'")
      .rows([&](SQLite::Statement& row) { columns += (columns.empty() ? "" : ", ") + row.getColumn(0).getString(); });
  // A bit a text, however many images there are. What is stored while this looks is found out by who deletes.
  const auto last = static_cast<std::size_t>(Prepared(database_, "SELECT max(text_id) FROM text").number().value_or(0));
  std::vector<bool> used(last + 1);
  Prepared(database_, "SELECT " + columns + " FROM process_image").rows([&](SQLite::Statement& row) {
    for (int i = 0; i < row.getColumnCount(); ++i) {
      const auto text_id = static_cast<std::size_t>(row.getColumn(i).getInt64());
      if (!row.getColumn(i).isNull() && text_id <= last) used[text_id] = true;
    }
  });
  std::vector<std::int64_t> unused;
  Prepared(database_, "SELECT text_id FROM text").rows([&](SQLite::Statement& row) {
    const std::int64_t text_id = row.getColumn(0).getInt64();
    if (static_cast<std::size_t>(text_id) <= last && !used[static_cast<std::size_t>(text_id)])
      unused.push_back(text_id);
  });
  return unused;
}

bool Retention::delete_unused_texts() {
  const auto oldest_id = oldest_.number();
  if (texts_tick_id_ == oldest_id) return false;
  // They are sought without a lock, which takes longer than one may be held. Whoever has stored an image since may have
  // named one of them.
  const auto now = [&] {
    return std::pair(data_version_.number().value_or(0), std::int64_t{sqlite3_total_changes64(database_.getHandle())});
  };
  if (unused_texts_.empty() || unused_since_ != now()) {
    unused_since_ = now();
    unused_texts_ = unused_texts();
  }
  if (unused_texts_.empty()) {
    texts_tick_id_ = oldest_id;
    return false;
  }
  const NoForeignKeys unchecked(database_);
  SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
  if (was_migrated()) return false;
  // Where somebody writes more often than this can look, the rest stays until there is more to delete.
  constexpr int kMostLooks = 3;
  if (unused_since_ != now()) {
    if (++looks_in_vain_ < kMostLooks) return true;
    looks_in_vain_ = 0;
    unused_texts_.clear();
    texts_tick_id_ = oldest_id;
    return false;
  }
  looks_in_vain_ = 0;
  const std::size_t left = unused_texts_.size() - std::min(unused_texts_.size(), kTextsAtOnce);
  Prepared remove(database_, "DELETE FROM text WHERE text_id = ?");
  for (std::size_t i = left; i < unused_texts_.size(); ++i) remove.run(unused_texts_[i]);
  unused_since_ = now();  // before others may write again
  transaction.commit();
  unused_texts_.resize(left);
  return true;
}

bool Retention::has_pages_to_give_back() {
  return gives_back_ && free_count_.number().value_or(0) > kFreePages;
}

bool Retention::give_pages_back() {
  if (!has_pages_to_give_back()) return false;
  const std::int64_t before = free_count_.number().value_or(0);
  database_.exec("PRAGMA incremental_vacuum(" + std::to_string(kPagesAtOnce) + ")");
  // A file that was not made for it keeps its size, and uses the room again.
  gives_back_ = free_count_.number().value_or(0) < before;
  return gives_back_;
}

}  // namespace galproc
