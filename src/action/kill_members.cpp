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
    victim.settled = "refused";
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

void Kill::meet_new_members() {
  guard_.look_at(pass_);
  for (const Tree::Member& member : plan_.tree->grow(pass_)) {
    const auto process = std::find_if(pass_.processes.begin(), pass_.processes.end(),
                                      [&](const ProcessReading& each) { return each.key == member.key; });
    take_in({*process, member.why, guard_.refusal(*process)});
  }
}

}  // namespace galproc
