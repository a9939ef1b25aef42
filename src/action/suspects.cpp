#include "action/suspects.h"

#include <algorithm>

namespace galproc {

namespace {

bool is_same_program(const ProcessImage& one, const ProcessImage& other) {
  return one.executable && one.executable == other.executable && one.arguments == other.arguments &&
         one.user_id == other.user_id && one.cgroup == other.cgroup;
}

/// Where a process stands; empty: nowhere in particular.
std::string cgroup_of(const ProcessReading& process) {
  const std::string group = process.image ? process.image->cgroup.value_or("") : "";
  return group == "/" ? "" : group;
}

}  // namespace

Suspects::Suspects(const ProcessPass& before, const Tree& tree, const Guard& guard) {
  std::unordered_map<std::int64_t, std::int64_t> parent_of;
  for (const ProcessReading& process : before.processes) {
    known_.insert(process.key);
    parent_of.emplace(process.key.pid, process.parent_pid);
    if (tree.contains(process.key)) members_.push_back(process);
  }
  std::unordered_set<std::int64_t> above;  // a shell that waits for its job is in the job's session
  for (const ProcessReading& member : members_) {
    auto at = parent_of.find(member.key.pid);
    while (at != parent_of.end() && above.insert(at->second).second) at = parent_of.find(at->second);
    if (member.session > 0) sessions_.insert(member.session);
    if (member.process_group > 0) groups_.insert(member.process_group);
    if (const std::string cgroup = cgroup_of(member); !cgroup.empty()) cgroups_.insert(cgroup);
  }
  for (const ProcessReading& process : before.processes) {
    const std::int64_t pid = process.key.pid;
    if (process.ended || tree.contains(process.key) || above.contains(pid) || guard.is_own(pid)) continue;
    sessions_.erase(process.session);
    groups_.erase(process.process_group);
    cgroups_.erase(cgroup_of(process));
  }
  look_at(before);
}

void Suspects::look_at(const ProcessPass& pass) {
  std::unordered_map<std::int64_t, ProcessKey> key_of;
  for (const ProcessReading& process : pass.processes) key_of.emplace(process.key.pid, process.key);
  for (const ProcessReading& process : pass.processes) {
    const auto known = parent_of_.emplace(process.key, process.parent_pid).first;
    const auto parent = key_of.find(process.parent_pid);
    if (known->second != process.parent_pid && parent != key_of.end()) adopters_.insert(parent->second);
  }
}

std::vector<ProcessReading> Suspects::find(const ProcessPass& pass, const Tree& tree,
                                           std::int64_t since_boot_us) const {
  constexpr std::int64_t kTickUs = 10'000;  // starts are told in clock ticks, rounded down
  Pids reading_of;
  for (const ProcessReading& process : pass.processes) reading_of.emplace(process.key.pid, &process);
  std::vector<ProcessReading> found;
  for (const ProcessReading& process : pass.processes) {
    if (known_.contains(process.key) || process.started_boot_us + kTickUs < since_boot_us) continue;
    if (process.ended || process.kernel_thread || tree.contains(process.key) || tree.leaves(process.key)) continue;
    if (has_lost_its_parent(process, reading_of, tree) && is_akin(process)) found.push_back(process);
  }
  return found;
}

bool Suspects::has_lost_its_parent(const ProcessReading& process, const Pids& reading_of, const Tree& tree) const {
  if (process.parent_pid <= 1) return true;
  const auto parent = reading_of.find(process.parent_pid);
  if (parent == reading_of.end()) return false;  // hidden from us: nothing can be said of it
  if (parent->second->ended) return tree.contains(parent->second->key);
  // A child is born into its parent's session, and may begin one of its own; in a third one it is somebody else's.
  const bool is_in_a_third_session =
      process.session != process.key.pid && process.session != parent->second->session && process.session > 0;
  return adopters_.contains(parent->second->key) || is_in_a_third_session;
}

bool Suspects::is_akin(const ProcessReading& process) const {
  if (sessions_.contains(process.session) || groups_.contains(process.process_group)) return true;
  if (cgroups_.contains(cgroup_of(process))) return true;
  return process.image && std::any_of(members_.begin(), members_.end(), [&](const ProcessReading& member) {
           return member.image && is_same_program(*member.image, *process.image);
         });
}

}  // namespace galproc
