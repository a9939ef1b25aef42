// Ending a tree for good. Who is killed first loses its children to init, so nobody is killed before everybody is
// stopped: each pass finds who belongs to the tree, logs and stops the new ones, until two passes find nobody. A
// process that is stopped cannot fork any more (a pending SIGSTOP makes a fork that is under way start over).
//
// Between the first stop and the last kill nothing is printed, and no commit waits long: a member may hold the
// database's write lock, or be who reads the output.

#include <algorithm>
#include <unordered_set>

#include "action/kill.h"

namespace galproc {

namespace {

constexpr std::int64_t kAfterKillUs = 2'000'000;
constexpr std::int64_t kLimitUs = 8'000'000;  // for finding all of a tree that goes on growing
constexpr int kPatienceMs = 10'000;
constexpr int kFrozenPatienceMs = 500;
constexpr int kQuietPasses = 2;  // so many readings without a new member, and the tree is whole

}  // namespace

void Kill::force_tree() {
  kill_group();
  const std::int64_t deadline_us = platform_.clocks().boot_us + kLimitUs;
  while (!interrupted_ && freeze_tree(deadline_us)) {
    kill_frozen();
    wait(kAfterKillUs);
    if (platform_.clocks().boot_us > deadline_us) break;
  }
  thaw();
}

/// Stops whoever belongs to the tree until all of it is stopped. Whether there is anybody to kill.
bool Kill::freeze_tree(std::int64_t deadline_us) {
  const auto runs = [](const Victim& victim) { return victim.is_living() && !victim.frozen && !victim.killed; };
  for (int quiet = 0; quiet < kQuietPasses;) {
    pass_ = platform_.read_processes();
    meet_new_members();
    open_rest();
    note_ends();
    if (platform_.sleep_until(platform_.clocks().boot_us) == Wake::Stop) interrupted_ = true;
    if (interrupted_) return false;
    if (std::any_of(victims_.begin(), victims_.end(), runs)) {
      quiet = 0;
      log_and_stop(runs);
    } else {
      ++quiet;
    }
    if (platform_.clocks().boot_us > deadline_us) break;
  }
  return std::any_of(victims_.begin(), victims_.end(), [](const Victim& each) { return each.frozen; });
}

/// The intent for everybody who is to be stopped, then the stop, which is part of that attempt.
void Kill::log_and_stop(const std::function<bool(const Victim&)>& runs) {
  settle();
  const std::size_t before = attempts_.size();
  add_attempts("forced", Signal::Kill, runs);
  const bool any_frozen = std::any_of(victims_.begin(), victims_.end(), [](const Victim& each) { return each.frozen; });
  try {
    log_.commit(pass_, victims_, attempts_, any_frozen ? kFrozenPatienceMs : kPatienceMs);
  } catch (const Error&) {
    if (!any_frozen) throw;
    // One of those that are stopped may hold the lock. They are logged: they go first, then the rest is.
    kill_frozen();
    wait(kAfterKillUs);
    log_.commit(pass_, victims_, attempts_, kPatienceMs);
  }
  std::unordered_set<ProcessKey, ProcessKeyHash> stopped;
  for (const ProcessReading& process : pass_.processes) {
    if (process.usage.state == ProcessState::Stopped) stopped.insert(process.key);
  }
  hold_signals();
  for (std::size_t i = before; i < attempts_.size(); ++i) {
    Attempt& attempt = attempts_[i];
    Victim& victim = victims_[attempt.victim];
    if (attempt.outcome || !victim.is_living()) continue;
    victim.was_stopped = stopped.contains(victim.target.process.key);
    send_to(attempt, Signal::Stop);
    victim.frozen = !attempt.outcome;
  }
}

void Kill::kill_frozen() {
  for (auto attempt = attempts_.rbegin(); attempt != attempts_.rend(); ++attempt) {
    Victim& victim = victims_[attempt->victim];
    if (!victim.frozen || attempt->outcome) continue;
    send_to(*attempt, Signal::Kill);
    victim.killed = true;
    victim.frozen = false;
    if (attempt->outcome && !victim.was_stopped) victim.handle->send(Signal::Continue);  // that failed: it lives on
  }
}

}  // namespace galproc
