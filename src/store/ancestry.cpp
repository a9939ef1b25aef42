#include "store/ancestry.h"

#include <fmt/format.h>

#include "model/time_words.h"

namespace galproc {

namespace {

using Clock = std::chrono::steady_clock;
/// A pass over the system is about as long, so each asks once.
constexpr std::chrono::milliseconds kUnknownFor{20};

}  // namespace

RecordedAncestry::RecordedAncestry(SQLite::Database& database, const HostReading& host)
    : select_creator_(database,
                      // The creator, not a later parent: the first of the best witness.
                      "SELECT c.pid, c.start_token FROM ("
                      "  SELECT p.source, 0 AS at_us, p.parent_upid FROM process AS p"
                      "  WHERE p.pid = ?1 AND p.start_token = ?2 AND p.boot_id = ?3"
                      "  UNION ALL"
                      "  SELECT pp.source, pp.at_us, pp.parent_upid FROM process AS p"
                      "  CROSS JOIN process_parent AS pp ON pp.upid = p.upid"
                      "  WHERE p.pid = ?1 AND p.start_token = ?2 AND p.boot_id = ?3) AS w"
                      " CROSS JOIN process AS c ON c.upid = w.parent_upid"
                      " ORDER BY w.source, w.at_us LIMIT 1"),
      select_upid_(database, "SELECT upid FROM process WHERE pid = ? AND start_token = ? AND boot_id = ?") {
  Prepared boot(database, "SELECT boot_id FROM boot WHERE boot_uuid = ? AND pid_namespace = ?");
  boot_id_ = boot.number(host.boot_uuid, host.pid_namespace);
}

std::optional<ProcessKey> RecordedAncestry::creator_of(const ProcessKey& key) {
  if (!boot_id_) return std::nullopt;
  if (const auto at = known_.find(key); at != known_.end()) return at->second;
  const Clock::time_point now = Clock::now();
  if (const auto at = unknown_since_.find(key); at != unknown_since_.end() && now - at->second < kUnknownFor) {
    return std::nullopt;
  }
  std::optional<ProcessKey> creator;
  select_creator_.rows(
      [&](SQLite::Statement& row) {
        creator = ProcessKey{row.getColumn(0).getInt64(), row.getColumn(1).getInt64()};
      },
      key.pid, key.start_token, *boot_id_);
  if (creator) known_.emplace(key, *creator);
  if (!creator) unknown_since_[key] = now;
  return creator;
}

std::optional<std::int64_t> RecordedAncestry::upid_of(const ProcessKey& key) {
  return boot_id_ ? select_upid_.number(key.pid, key.start_token, *boot_id_) : std::nullopt;
}

std::optional<std::string> hole_in_births(SQLite::Database& database, std::int64_t since_us, bool recorder_runs) {
  constexpr const char* kMissed = "who was born unseen, and has lost its parent, may have been missed.";
  std::string source;
  std::int64_t recording_id = 0, started_us = 0;
  Prepared(database, "SELECT recording_id, event_source, started_us FROM recording ORDER BY recording_id DESC LIMIT 1")
      .rows([&](SQLite::Statement& row) {
        recording_id = row.getColumn(0).getInt64();
        source = row.getColumn(1).getString();
        started_us = row.getColumn(2).getInt64();
      });
  if (recording_id == 0 || !recorder_runs) return fmt::format("No recorder runs on this file: {}", kMissed);
  if (source == "none") return fmt::format("The recorder looks from time to time and hears of no births: {}", kMissed);
  if (started_us > since_us) {
    return fmt::format("Births have been recorded since {} only, and the tree is older: {}", format_instant(started_us),
                       kMissed);
  }
  std::optional<std::string> lost;
  Prepared(database,
           "SELECT sum(lost_count), min(from_us), max(to_us) FROM event_loss WHERE recording_id = ? AND to_us >= ?"
           " HAVING count(*) > 0")
      .rows(
          [&](SQLite::Statement& row) {
            lost = fmt::format("{} events were lost between {} and {}: {}", row.getColumn(0).getInt64(),
                               format_instant(row.getColumn(1).getInt64()), format_instant(row.getColumn(2).getInt64()),
                               kMissed);
          },
          recording_id, since_us);
  return lost;
}

}  // namespace galproc
