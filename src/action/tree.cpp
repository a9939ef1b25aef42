#include "action/tree.h"

#include <algorithm>
#include <utility>

namespace galproc {

namespace {

/// All of a reading in an order in which nobody comes before its parent.
std::vector<const ProcessReading*> parents_first(const ProcessPass& pass) {
  std::unordered_map<std::int64_t, std::vector<const ProcessReading*>> children_of;
  std::unordered_set<std::int64_t> pids;
  for (const ProcessReading& process : pass.processes) pids.insert(process.key.pid);
  std::vector<const ProcessReading*> order;
  order.reserve(pass.processes.size());
  for (const ProcessReading& process : pass.processes) {
    const bool has_parent = process.parent_pid != process.key.pid && pids.contains(process.parent_pid);
    has_parent ? children_of[process.parent_pid].push_back(&process) : order.push_back(&process);
  }
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (const auto children = children_of.extract(order[i]->key.pid)) {
      order.insert(order.end(), children.mapped().begin(), children.mapped().end());
    }
  }
  // A reading is not of one moment: two that were each other's parents, as it seems, are in it all the same.
  for (const auto& [parent, children] : children_of) order.insert(order.end(), children.begin(), children.end());
  return order;
}

}  // namespace

Tree::Tree(const std::vector<ProcessKey>& roots, std::vector<LoggedService> services, CreatorOf creator_of)
    : members_(roots.begin(), roots.end()),
      roots_to_meet_(roots.begin(), roots.end()),
      services_(std::move(services)),
      creator_of_(std::move(creator_of)) {}

std::vector<Tree::Member> Tree::grow(const ProcessPass& pass, const RefusalOf& refusal_of) {
  forget_what_is_over(pass);
  std::unordered_map<std::int64_t, ProcessKey> key_of;
  std::vector<const ProcessReading*> others;
  std::vector<Member> added;
  const auto add = [&](const ProcessReading& process, std::string why) {
    added.push_back({process.key, std::move(why), refusal_of ? refusal_of(process) : std::nullopt});
    if (added.back().refused) {
      members_.erase(process.key);
      left_.insert(process.key);
    } else {
      members_.insert(process.key);
      note_begun(process);
    }
  };
  for (const ProcessReading* process : parents_first(pass)) {
    key_of.emplace(process->key.pid, process->key);
    if (process->ended || process->kernel_thread) continue;
    if (roots_to_meet_.erase(process->key) > 0) {
      if (process->image && process->image->service_marker) own_markers_.insert(*process->image->service_marker);
      add(*process, "root");
    } else if (members_.contains(process->key)) {
      note_begun(*process);
    } else if (!left_.contains(process->key)) {
      others.push_back(process);
    }
  }
  for (const ProcessReading* process : others) {
    if (is_apart(*process)) apart_.insert(process->key);
  }
  for (bool found = true; found;) {
    found = false;
    std::vector<const ProcessReading*> rest;
    for (const ProcessReading* process : others) {
      const auto parent = key_of.find(process->parent_pid);
      if (parent != key_of.end() && left_.contains(parent->second)) {
        left_.insert(process->key);
      } else if (const auto why = why_member(*process, key_of)) {
        add(*process, *why);
        found = true;
      } else {
        rest.push_back(process);
      }
    }
    others = std::move(rest);
  }
  return added;
}

std::optional<std::string> Tree::why_member(const ProcessReading& process,
                                            const std::unordered_map<std::int64_t, ProcessKey>& key_of) const {
  const auto parent = key_of.find(process.parent_pid);
  if (parent != key_of.end() && members_.contains(parent->second)) return "child";
  if (auto tie = service_tie(process, services_)) return tie;
  if (sessions_.contains(process.session)) return "session";
  if (groups_.contains(process.process_group)) return "group";
  if (creator_of_ && !is_apart(process) && descends_by_record(process.key)) return "ancestry";
  return std::nullopt;
}

bool Tree::descends_by_record(const ProcessKey& key) const {
  constexpr int kMostGenerations = 10'000;  // a record that names itself as its own ancestor would go on for ever
  auto creator = creator_of_(key);
  for (int generation = 0; creator && generation < kMostGenerations; ++generation) {
    if (members_.contains(*creator)) return true;
    if (apart_.contains(*creator)) return false;
    creator = creator_of_(*creator);
  }
  return false;
}

bool Tree::is_apart(const ProcessReading& process) const {
  if (!process.image || !process.image->service_marker) return false;
  const std::string& marker = *process.image->service_marker;
  const bool meant = std::any_of(services_.begin(), services_.end(),
                                 [&](const LoggedService& service) { return service.marker == marker; });
  return !meant && !own_markers_.contains(marker);
}

void Tree::note_begun(const ProcessReading& member) {
  if (member.session == member.key.pid) sessions_.insert(member.session);
  if (member.process_group == member.key.pid) groups_.insert(member.process_group);
}

void Tree::forget_what_is_over(const ProcessPass& pass) {
  // A number stays taken while it names a session or group that somebody is in; after that another may begin one by it.
  std::unordered_set<std::int64_t> sessions, groups;
  for (const ProcessReading& process : pass.processes) {
    sessions.insert(process.session);
    groups.insert(process.process_group);
  }
  std::erase_if(sessions_, [&](std::int64_t session) { return !sessions.contains(session); });
  std::erase_if(groups_, [&](std::int64_t group) { return !groups.contains(group); });
}

}  // namespace galproc
