// Where a control group holds members of the tree and nobody else, the kernel ends all of them at once. It would end
// those too who are born while the others are logged: so the group is frozen first, and killed when a list of who is in
// it has nobody any more who is not logged.

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "action/kill.h"

namespace galproc {

namespace {

constexpr std::int64_t kAfterKillUs = 2'000'000;
constexpr int kPatienceMs = 10'000;
constexpr int kFrozenPatienceMs = 500;  // who is frozen may hold the database's write lock
constexpr int kLooks = 50;              // nobody is born in a frozen group; somebody may be put there

}  // namespace

void Kill::kill_group() {
  const auto first =
      std::find_if(victims_.begin(), victims_.end(), [](const Victim& each) { return each.is_living(); });
  if (first == victims_.end()) return;
  const auto group = platform_.killable_group(first->target.process.key.pid);
  if (!group) return;
  for (Victim& victim : victims_) victim.by_group = false;
  const std::size_t before = attempts_.size();
  const auto logged = log_group(group->path, kPatienceMs);
  if (!logged) return;
  hold_signals();
  const Delivery delivery = freeze_and_kill(group->path, before, *logged);
  thaw();
  for (std::size_t i = before; i < attempts_.size(); ++i) {
    Attempt& attempt = attempts_[i];
    if (attempt.outcome || delivery.result == Delivery::Result::Sent) continue;
    attempt.outcome = "failed";
    attempt.error = delivery.text;
  }
  if (delivery.result == Delivery::Result::Sent) wait(kAfterKillUs);
}

Delivery Kill::freeze_and_kill(const std::string& path, std::size_t first_attempt, std::vector<std::int64_t> logged) {
  const auto failed = [](const char* why) { return Delivery{Delivery::Result::Failed, 0, why}; };
  frozen_group_ = path;
  if (Delivery frozen = platform_.freeze_group(path); frozen.result != Delivery::Result::Sent) return frozen;
  try {
    for (int look = 0; look < kLooks; ++look) {
      if (platform_.sleep_until(platform_.clocks().boot_us) == Wake::Stop) interrupted_ = true;
      if (interrupted_) return failed("interrupted");
      for (std::size_t i = first_attempt; i < attempts_.size(); ++i) attempts_[i].sent = !attempts_[i].outcome;
      auto now = log_group(path, kFrozenPatienceMs);
      if (!now) return failed("the control group holds others too");
      if (*now == logged) return platform_.kill_group(path);
      logged = std::move(*now);
    }
  } catch (const Error& error) {
    if (error.code() != ExitCode::NotLogged) throw;
    // One of those that are frozen may hold the lock. They go on, and are ended one by one.
    forget_unlogged();
    return failed("the rest of the control group could not be logged");
  }
  return failed("the control group does not come to rest");
}

/// Logs everybody who is in a group and is not logged by it yet, and gives all of them; empty where somebody is in it
/// who must not be killed, or of whom nothing is known.
std::optional<std::vector<std::int64_t>> Kill::log_group(const std::string& path, int patience_ms) {
  auto pids = platform_.group_members(path);
  if (!pids) return std::nullopt;
  std::sort(pids->begin(), pids->end());
  pass_ = platform_.read_processes();  // after that: who is not in it has ended
  meet_new_members();
  open_rest();
  note_ends();
  const std::unordered_set<std::int64_t> inside(pids->begin(), pids->end());
  const auto is_inside = [&](std::int64_t pid) { return inside.contains(pid); };
  std::unordered_set<ProcessKey, ProcessKeyHash> spared;
  for (const Victim& victim : victims_) {
    const bool is_gone = victim.settled == "already_gone" || victim.settled == "identity_changed";
    if (!victim.is_living() && !victim.ended_us && !is_gone) spared.insert(victim.target.process.key);
  }
  const auto may_not_be_killed = [&](const ProcessReading& process) {
    return is_inside(process.key.pid) && !process.ended &&
           (!plan_.tree->contains(process.key) || spared.contains(process.key));
  };
  if (std::any_of(pass_.processes.begin(), pass_.processes.end(), may_not_be_killed)) return std::nullopt;
  if (std::any_of(pass_.unreadable_pids.begin(), pass_.unreadable_pids.end(), is_inside)) return std::nullopt;
  settle();
  add_attempts("cgroup", Signal::Kill,
               [&](const Victim& victim) { return !victim.by_group && is_inside(victim.target.process.key.pid); });
  log_.commit(pass_, victims_, attempts_, patience_ms);
  for (Victim& victim : victims_) victim.by_group = victim.by_group || is_inside(victim.target.process.key.pid);
  return pids;
}

}  // namespace galproc
