#include "action/tree.h"

#include <utility>

namespace galproc {

Tree::Tree(const std::vector<ProcessKey>& roots, std::vector<LoggedService> services, CreatorOf creator_of)
    : members_(roots.begin(), roots.end()),
      roots_to_meet_(roots.begin(), roots.end()),
      services_(std::move(services)),
      creator_of_(std::move(creator_of)) {}

std::vector<Tree::Member> Tree::grow(const ProcessPass& pass) {
  forget_what_is_over(pass);
  std::unordered_map<std::int64_t, ProcessKey> key_of;
  std::vector<const ProcessReading*> others;
  std::vector<Member> added;
  for (const ProcessReading& process : pass.processes) {
    key_of.emplace(process.key.pid, process.key);
    if (process.ended || process.kernel_thread) continue;
    if (roots_to_meet_.erase(process.key) > 0) added.push_back({process.key, "root"});
    if (members_.contains(process.key)) {
      note_begun(process);
    } else {
      others.push_back(&process);
    }
  }
  for (bool found = true; found;) {
    found = false;
    std::vector<const ProcessReading*> left;
    for (const ProcessReading* process : others) {
      const auto why = why_member(*process, key_of);
      if (!why) {
        left.push_back(process);
        continue;
      }
      members_.insert(process->key);
      note_begun(*process);
      added.push_back({process->key, *why});
      found = true;
    }
    others = std::move(left);
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
  if (creator_of_ && descends_by_record(process.key)) return "ancestry";
  return std::nullopt;
}

bool Tree::descends_by_record(const ProcessKey& key) const {
  constexpr int kMostGenerations = 10'000;  // a record that names itself as its own ancestor would go on for ever
  auto creator = creator_of_(key);
  for (int generation = 0; creator && generation < kMostGenerations; ++generation) {
    if (members_.contains(*creator)) return true;
    creator = creator_of_(*creator);
  }
  return false;
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
