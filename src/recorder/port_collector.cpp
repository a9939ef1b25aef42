#include "recorder/port_collector.h"

#include <algorithm>
#include <set>

namespace galproc {

PortCollector::PortCollector(SQLite::Database& database, const UpidLookup& upids)
    : database_(database),
      upids_(upids),
      insert_binding_(database,
                      "INSERT INTO port_binding (upid, protocol, address, port, network_namespace, tick_id, bound_us,"
                      " bound_after_us) VALUES (?, ?, ?, ?, ?, ?, ?,"
                      " max(coalesce(?, (SELECT started_us FROM process WHERE upid = ?1)),"
                      " coalesce((SELECT started_us FROM process WHERE upid = ?1), ?8))) RETURNING binding_id"),
      insert_release_(database,
                      "INSERT INTO port_release (binding_id, tick_id, released_us, released_after_us, source)"
                      " VALUES (?, ?, ?, ?, ?) ON CONFLICT (binding_id) DO NOTHING") {}

void PortCollector::write(const TickReading& reading, const Tick& tick) {
  if (!reading.sockets || !reading.processes) return;
  std::set<Hold> seen;
  for (const SocketReading& socket : reading.sockets->sockets) {
    Hold hold{std::nullopt, to_text(socket.protocol), socket.address, socket.port, socket.network_namespace};
    for (const ProcessKey& holder : socket.holders) {
      hold.upid = upids_.upid_of(holder);
      seen.insert(hold);
    }
    if (socket.holders.empty()) seen.insert(hold);
  }
  if (!adopted_) adopt_open_bindings(tick);
  // Bounds of an edge: an earlier pass of this recording, or nothing nearer than the recording before.
  const std::optional<std::int64_t> not_yet_us = last_pass_us_;
  const std::optional<std::int64_t> still_us = last_pass_us_ ? last_pass_us_ : tick.last_known_us;
  open_pass_us_ = tick.began_us;

  for (const Hold& hold : seen) {
    if (known_.contains(hold)) continue;
    const auto binding_id = insert_binding_.number(hold.upid, hold.protocol, hold.address, hold.port,
                                                   hold.network_namespace, tick.tick_id, tick.at_us, not_yet_us);
    bound_.emplace_back(hold, binding_id.value());
  }
  for (const auto& [hold, binding_id] : known_) {
    if (seen.contains(hold)) continue;
    insert_release_.run(binding_id, tick.tick_id, tick.at_us, still_us, adopted_ ? Witness::Poll : Witness::Gap);
    released_.push_back(hold);
  }
}

void PortCollector::adopt_open_bindings(const Tick& tick) {
  adopting_ = true;
  struct Open {
    std::int64_t binding_id;
    bool other_boot;
    Hold hold;
  };
  std::vector<Open> open;
  Prepared unreleased(database_,
                      // The tick that saw it first may be deleted by now: then its holder tells the boot.
                      "WITH open AS (SELECT b.binding_id, b.upid, b.protocol, b.address, b.port, b.network_namespace,"
                      " coalesce(r.boot_id, p.boot_id, ?1) AS boot_id FROM port_binding AS b"
                      " LEFT JOIN tick AS t ON t.tick_id = b.tick_id"
                      " LEFT JOIN recording AS r ON r.recording_id = t.recording_id"
                      " LEFT JOIN process AS p ON p.upid = b.upid"
                      " WHERE NOT EXISTS (SELECT 1 FROM port_release AS e WHERE e.binding_id = b.binding_id))"
                      // As with processes: another pid namespace of this boot is not another boot.
                      " SELECT * FROM open WHERE boot_id = ?1 OR (SELECT boot_uuid FROM boot WHERE boot_id ="
                      " open.boot_id) <> (SELECT boot_uuid FROM boot WHERE boot_id = ?1)");
  const auto take = [&](SQLite::Statement& row) {
    Hold hold{optional_number(row.getColumn(1)), row.getColumn(2).getString(), row.getColumn(3).getString(),
              row.getColumn(4).getInt64(), row.getColumn(5).getInt64()};
    open.push_back({row.getColumn(0).getInt64(), optional_number(row.getColumn(6)) != tick.boot_id, std::move(hold)});
  };
  unreleased.rows(take, tick.boot_id);
  known_.clear();
  for (Open& binding : open) {
    const bool twice = known_.contains(binding.hold);
    if (!binding.other_boot && !twice) {
      known_.emplace(std::move(binding.hold), binding.binding_id);
      continue;
    }
    const std::int64_t last_known_us = tick.last_known_us.value_or(tick.at_us);
    insert_release_.run(binding.binding_id, tick.tick_id,
                        binding.other_boot ? std::max(tick.booted_us, last_known_us) : tick.at_us, last_known_us,
                        binding.other_boot ? Witness::Reboot : Witness::Gap);
  }
}

void PortCollector::committed() {
  for (auto& [hold, binding_id] : bound_) known_.insert_or_assign(std::move(hold), binding_id);
  for (const Hold& hold : released_) known_.erase(hold);
  adopted_ = adopted_ || adopting_;
  if (open_pass_us_) last_pass_us_ = open_pass_us_;
  rolled_back();
}

void PortCollector::rolled_back() {
  bound_.clear();
  released_.clear();
  adopting_ = false;
  open_pass_us_.reset();
}

}  // namespace galproc
