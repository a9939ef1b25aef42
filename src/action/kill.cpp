#include "action/kill.h"

#include <algorithm>
#include <map>
#include <utility>

namespace galproc {

namespace {

constexpr std::int64_t kAfterForceUs = 2'000'000;
constexpr std::int64_t kStatusBudgetUs = 300'000;

}  // namespace

Kill::Kill(Platform& platform, KillLog& log, const KillRequest& request, Guard& guard, Plan plan, ProcessPass pass,
           CallerReading caller)
    : platform_(platform),
      log_(log),
      request_(request),
      guard_(guard),
      plan_(std::move(plan)),
      pass_(std::move(pass)),
      caller_(std::move(caller)) {}

Kill::~Kill() {
  thaw();
}

KillReport Kill::run() {
  begun_boot_us_ = platform_.clocks().boot_us;
  for (Target& target : plan_.targets) take_in(std::move(target));
  if (plan_.tree) suspects_.emplace(pass_, *plan_.tree, guard_);
  log_.set_action(request_, caller_);
  try {
    carry_out();
    thaw();
    settle(true);
    add_untouched();
    // A daemon that was forked twice before anybody looked cannot be told for sure: it is named, not touched.
    if (suspects_ && !interrupted_) escaped_ = suspects_->find(pass_, *plan_.tree, begun_boot_us_);
  } catch (const Error& error) {
    thaw();
    forget_unlogged();
    settle(true);
    if (log_.action_id() == 0) throw;
    if (error.code() != ExitCode::NotLogged) {
      // The system failed: what is known is kept, as far as that goes.
      try {
        log_.finish(static_cast<int>(ExitCode::Failed), pass_, victims_, attempts_);
      } catch (const Error&) {
        // The attempts show as unfinished, which is what they are.
      }
      throw;
    }
    problem_ = error.what();
  }
  const int code = problem_ ? static_cast<int>(ExitCode::NotLogged) : exit_code();
  try {
    log_.finish(code, pass_, victims_, attempts_);
  } catch (const Error& error) {
    problem_ = error.what();
    forget_unlogged();
  }
  return report(problem_ ? static_cast<int>(ExitCode::NotLogged) : code);
}

void Kill::add_attempts(const char* method, Signal signal, const std::function<bool(const Victim&)>& wanted) {
  std::vector<bool> tried(victims_.size());
  for (const Attempt& attempt : attempts_) tried[attempt.victim] = true;
  for (std::size_t i = 0; i < victims_.size(); ++i) {
    Victim& victim = victims_[i];
    if (victim.settled ? tried[i] : !victim.is_living() || !wanted(victim)) continue;
    victim.asked = true;
    Attempt attempt;
    attempt.victim = i;
    attempt.method = method;
    attempt.signal = signal;
    attempt.outcome = victim.settled;
    attempt.error = victim.error;
    attempts_.push_back(std::move(attempt));
  }
}

void Kill::add_untouched() {
  for (Victim& victim : victims_) {
    if (victim.is_left() && !victim.handle) victim.settled = "failed";
  }
  const char* method = request_.signal == Signal::Kill ? "forced" : "polite";
  add_attempts(method, request_.signal, [](const Victim&) { return false; });
}

void Kill::wait_for_recorder() {
  constexpr std::int64_t kBetweenUs = 20'000;
  constexpr std::int64_t kMostUs = 1'000'000;
  if (!plan_.tree || !log_.events_until_us()) return;
  const Clocks begun = platform_.clocks();
  log_.commit(pass_, victims_, attempts_);  // a recorder that sees the file written to stores what it knows
  while (!interrupted_) {
    const auto until_us = log_.events_until_us();
    if (!until_us || *until_us >= begun.wall_us) return;
    const std::int64_t now_us = platform_.clocks().boot_us;
    if (now_us >= begun.boot_us + kMostUs) {
      ancestry_until_us_ = until_us;
      return;
    }
    interrupted_ = platform_.sleep_until(now_us + kBetweenUs) == Wake::Stop;
  }
}

void Kill::carry_out() {
  wait_for_recorder();
  // A round that ended somebody for whom there was no descriptor before is one more.
  for (int round = 1; round <= request_.rounds() && !interrupted_; round += open_rest() > 0 ? 0 : 1) {
    for (Victim& victim : victims_) victim.asked = victim.killed = false;
    if (request_.signal != Signal::Kill) ask_politely();
    if (interrupted_) return;
    if (request_.force) force();
    if (interrupted_) return;
    look_again();
    if (std::none_of(victims_.begin(), victims_.end(), [](const Victim& each) { return each.is_left(); })) return;
  }
}

void Kill::ask_politely() {
  do {
    ask_all();
    if (plan_.tree) {
      wait_for_tree(request_.grace_us);
    } else {
      wait(request_.grace_us);
    }
  } while (!interrupted_ && open_rest() > 0);
}

void Kill::ask_all() {
  settle();
  add_attempts("polite", request_.signal, [](const Victim& victim) { return !victim.asked; });
  log_.commit(pass_, victims_, attempts_);
  send_all();
}

void Kill::force() {
  if (plan_.tree) return force_tree();
  if (!any_living()) return;
  settle();
  add_attempts("forced", Signal::Kill, [](const Victim&) { return true; });
  log_.commit(pass_, victims_, attempts_);
  send_all();
  wait(kAfterForceUs);
}

void Kill::send_all() {
  for (Attempt& attempt : attempts_) {
    if (attempt.attempt_id != 0 && !attempt.sent && !attempt.outcome) send_to(attempt, attempt.signal);
  }
  note_ends();
}

void Kill::send_to(Attempt& attempt, Signal signal) {
  Victim& victim = victims_[attempt.victim];
  if (!victim.is_living()) return;
  // A zombie takes a signal as if it had ended it.
  if (victim.handle->has_ended()) return note_ends();
  const Delivery delivery = victim.handle->send(signal);
  if (delivery.result == Delivery::Result::Gone && victim.handle->has_ended()) return note_ends();
  attempt.sent = true;
  switch (delivery.result) {
    case Delivery::Result::Sent: return;
    case Delivery::Result::Gone: attempt.outcome = victim.settled = "already_gone"; break;
    case Delivery::Result::Denied: attempt.outcome = victim.settled = "denied"; break;
    case Delivery::Result::Failed: attempt.outcome = "failed"; break;  // may go better in the next round
  }
  attempt.error = delivery.text;
}

void Kill::wait(std::int64_t length_us) {
  const std::int64_t deadline_us = platform_.clocks().boot_us + length_us;
  note_ends();
  for (Wake wake = Wake::Ended; wake == Wake::Ended && any_living();) wake = wait_for_an_end(deadline_us);
}

Wake Kill::wait_for_an_end(std::int64_t boot_us) {
  std::vector<ProcessHandle*> living;
  for (const Victim& victim : victims_) {
    if (victim.is_living()) living.push_back(victim.handle.get());
  }
  const Wake wake = platform_.wait_for_ends(living, boot_us);
  interrupted_ = interrupted_ || wake == Wake::Stop;
  note_ends();
  return wake;
}

void Kill::note_ends() {
  const std::int64_t now_us = platform_.clocks().wall_us;
  for (Victim& victim : victims_) {
    if (victim.is_living() && victim.handle->has_ended()) {
      victim.ended_us = now_us;
      victim.frozen = false;
    }
  }
}

void Kill::settle(bool is_over) {
  const std::int64_t until_us = platform_.clocks().boot_us + kStatusBudgetUs;
  note_ends();
  for (Victim& victim : victims_) {
    if (!victim.ended_us || !victim.handle || victim.wait_status || platform_.clocks().boot_us > until_us) continue;
    victim.wait_status = victim.handle->wait_status();
  }
  std::map<std::size_t, std::vector<Attempt*>> sent;  // by victim
  for (Attempt& attempt : attempts_) {
    const Victim& victim = victims_[attempt.victim];
    // What was begun with the stop of a process is over with its end.
    if (attempt.outcome || attempt.attempt_id == 0 || victim.frozen) continue;
    if (attempt.sent) {
      sent[attempt.victim].push_back(&attempt);
    } else {
      attempt.outcome = victim.ended_us ? "already_gone" : victim.settled.value_or("failed");
      if (!victim.ended_us) attempt.error = victim.settled ? victim.error : "not sent";
    }
  }
  for (const auto& [victim, attempts] : sent) settle_sent(victims_[victim], attempts, is_over);
}

/// That one was survived is known when the next was sent, to one that lived then; who dies in between died of the
/// first.
void Kill::settle_sent(const Victim& victim, const std::vector<Attempt*>& attempts, bool is_over) {
  std::size_t last = attempts.size() - 1;
  if (!victim.ended_us) {
    for (std::size_t i = 0; i < attempts.size(); ++i) {
      if (i < last || is_over) attempts[i]->outcome = "survived";
    }
    return;
  }
  const bool was_killed = !victim.wait_status || (*victim.wait_status & 0x7f) == static_cast<int>(Signal::Kill);
  if (last > 0 && attempts[last]->signal == Signal::Kill && !was_killed) --last;
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    attempts[i]->outcome = i < last ? "survived" : i == last ? "exited" : "already_gone";
  }
}

void Kill::hold_signals() {
  if (!held_) held_ = platform_.hold_signals();
}

void Kill::thaw() noexcept {
  if (frozen_group_) platform_.thaw_group(*std::exchange(frozen_group_, std::nullopt));
  for (Victim& victim : victims_) {
    if (std::exchange(victim.frozen, false) && victim.handle && !victim.was_stopped) {
      try {
        victim.handle->send(Signal::Continue);
      } catch (const std::exception&) {
        // The next one is to be continued all the same.
      }
    }
  }
  held_.reset();
}

void Kill::forget_unlogged() {
  std::erase_if(attempts_, [](const Attempt& attempt) { return attempt.attempt_id == 0; });
}

bool Kill::any_living() const {
  return std::any_of(victims_.begin(), victims_.end(), [](const Victim& victim) { return victim.is_living(); });
}

int Kill::exit_code() const {
  if (interrupted_) {
    const int signal = platform_.stop_signal();
    return signal > 0 ? 128 + signal : static_cast<int>(ExitCode::Interrupted);
  }
  std::vector<Fate> fates;
  for (const Victim& victim : victims_) {
    const bool refused = victim.settled == "refused" || victim.settled == "denied";
    const bool gone = victim.ended_us || victim.settled == "already_gone" || victim.settled == "identity_changed";
    fates.push_back(refused ? Fate::Refused : gone ? Fate::Gone : Fate::Left);
  }
  fates.insert(fates.end(), plan_.missing_pids.size(), Fate::NotFound);
  fates.insert(fates.end(), plan_.hidden.size(), Fate::Refused);
  fates.insert(fates.end(), escaped_.size(), Fate::Left);
  return static_cast<int>(exit_code_of(fates));
}

KillReport Kill::report(int exit_code) {
  KillReport report;
  report.action_id = log_.action_id();
  report.exit_code = exit_code;
  report.problem = problem_;
  report.ancestry_until_us = ancestry_until_us_;
  for (const Victim& victim : victims_) {
    if (victim.ended_us) {
      ++report.ended_count;
    } else if (victim.settled != "already_gone" && victim.settled != "identity_changed") {
      ++report.left_count;
    }
  }
  report.left_count += static_cast<std::int64_t>(escaped_.size());
  report.suspects = std::move(escaped_);
  report.victims = std::move(victims_);
  report.attempts = std::move(attempts_);
  return report;
}

}  // namespace galproc
