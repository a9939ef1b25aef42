#include "store/ancestry.h"

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

}  // namespace galproc
