// Who is to be ended: each is pinned when it is met, or as soon as that can be.

#include <algorithm>
#include <utility>

#include "action/kill.h"

namespace galproc {

namespace {

const char* outcome_of(OpenedProcess::Why why) {
  switch (why) {
    case OpenedProcess::Why::Gone: return "already_gone";
    case OpenedProcess::Why::IdentityChanged: return "identity_changed";
    case OpenedProcess::Why::Denied: return "denied";
    default: return "unsupported";
  }
}

}  // namespace

void Kill::take_in(Target target) {
  Victim victim;
  victim.target = std::move(target);
  if (victim.target.refused) {
    // Nothing can be read of one that has just ended either.
    const bool is_gone = !is_known(victim.target.process) &&
                         platform_.open_process(victim.target.process.key).why == OpenedProcess::Why::Gone;
    victim.settled = is_gone ? "already_gone" : "refused";
    victim.error = *victim.target.refused;
  } else {
    open(victim);
  }
  victims_.push_back(std::move(victim));
}

void Kill::open(Victim& victim) {
  OpenedProcess opened = platform_.open_process(victim.target.process.key);
  victim.handle = std::move(opened.handle);
  victim.error = opened.text;
  if (!victim.handle && opened.why != OpenedProcess::Why::Failed) victim.settled = outcome_of(opened.why);
}

std::size_t Kill::open_rest() {
  const auto is_waiting = [](const Victim& victim) { return victim.is_left() && !victim.handle; };
  if (std::none_of(victims_.begin(), victims_.end(), is_waiting)) return 0;
  settle();
  for (Victim& victim : victims_) {
    if (victim.ended_us) victim.handle.reset();  // all is known of it, and its descriptor is needed
  }
  std::size_t opened = 0;
  for (Victim& victim : victims_) {
    if (!is_waiting(victim)) continue;
    open(victim);
    if (!is_waiting(victim)) ++opened;
  }
  return opened;
}

bool Kill::meet_new_members() {
  const std::size_t before = victims_.size();
  guard_.look_at(pass_);
  suspects_->look_at(pass_);
  const auto refusal_of = [this](const ProcessReading& process) { return guard_.refusal(process); };
  for (const Tree::Member& member : plan_.tree->grow(pass_, refusal_of)) {
    const auto process = std::find_if(pass_.processes.begin(), pass_.processes.end(),
                                      [&](const ProcessReading& each) { return each.key == member.key; });
    take_in({*process, member.why, member.refused});
    victims_.back().met_later = true;
  }
  return victims_.size() > before;
}

void Kill::look_again() {
  if (!plan_.tree) return;
  note_ends();  // first: whom the ended have left behind is in the reading
  pass_ = platform_.read_processes();
  meet_new_members();
  note_ends();
}

/// Who ends may leave a child behind, of which only its session or group tells whose it is, and only as long as
/// somebody is in that. So the tree is looked at again and again, at once when somebody has ended; half of the time at
/// most.
void Kill::wait_for_tree(std::int64_t length_us) {
  constexpr std::int64_t kBetweenLooksUs = 30'000;
  const std::int64_t deadline_us = platform_.clocks().boot_us + length_us;
  while (!interrupted_) {
    const std::int64_t begun_us = platform_.clocks().boot_us;
    note_ends();
    pass_ = platform_.read_processes();
    if (meet_new_members()) ask_all();
    note_ends();
    const std::int64_t now_us = platform_.clocks().boot_us;
    if (!any_living() || now_us >= deadline_us) return;
    const std::int64_t cost_us = now_us - begun_us;
    const std::int64_t rested_us = std::min(deadline_us, now_us + cost_us);
    const Wake wake = wait_for_an_end(std::min(deadline_us, now_us + std::max(kBetweenLooksUs, 4 * cost_us)));
    if (wake == Wake::Ended && platform_.clocks().boot_us < rested_us) {
      interrupted_ = platform_.sleep_until(rested_us) == Wake::Stop || interrupted_;
    }
  }
}

}  // namespace galproc
