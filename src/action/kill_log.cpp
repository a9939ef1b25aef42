#include "action/kill_log.h"

#include <utility>

#include "action/log_rows.h"
#include "store/database.h"

namespace galproc {

namespace {

constexpr int kPatienceMs = 10'000;

Error not_logged(const std::string& why) {
  return Error(ExitCode::NotLogged, why + " Nothing was done to any process.");
}

}  // namespace

/// The rows of one transaction. Ids count once it is committed.
class KillLog::Rows : public LogRows {
 public:
  Rows(ActionWriter& writer, const Redactor& redactor, const Clocks& now, std::int64_t boot_id, const ProcessPass& pass)
      : LogRows(writer, redactor, now, boot_id, pass), writer_(writer), boot_id_(boot_id) {}

  std::int64_t add_attempt(std::int64_t action_id, const Attempt& attempt, const Victim& victim,
                           std::optional<std::int64_t> upid, std::optional<std::int64_t> signal) {
    const ProcessReading& process = victim.target.process;
    AttemptEntry entry;
    entry.action_id = action_id;
    entry.at_us = now_us();
    entry.boot_id = boot_id_;
    entry.target = process.key;
    if (process.image) {
      entry.target_upid = upid;
      entry.name = process.image->name;
      entry.executable = process.image->executable;
      entry.user_id = process.image->user_id;
      entry.user_name = process.image->user_name;
    }
    entry.method = attempt.method;
    entry.signal = signal;
    entry.why = victim.target.why;
    return writer_.add_attempt(entry);
  }

  void add_outcome(const Attempt& attempt, std::int64_t attempt_id, const Victim& victim,
                   std::optional<std::int64_t> upid) {
    OutcomeEntry entry;
    entry.attempt_id = attempt_id;
    entry.at_us = now_us();
    entry.outcome = attempt.outcome.value();
    if (!attempt.error.empty()) entry.error = attempt.error;
    if (entry.outcome == "exited") {
      entry.ended_us = victim.ended_us;
      entry.wait_status = victim.wait_status;
      if (upid) add_exit(*upid, victim);
    }
    writer_.add_outcome(entry);
  }

 private:
  void add_exit(std::int64_t upid, const Victim& victim) {
    ExitRow exit;
    exit.source = Witness::Action;
    exit.ended_us = victim.ended_us.value_or(now_us());
    exit.wait_status = victim.wait_status;
    exit.usage = victim.target.process.usage;
    writer_.processes().add_exit(upid, exit);
  }

  ActionWriter& writer_;
  std::int64_t boot_id_;
};

KillLog::KillLog(Platform& platform, std::filesystem::path path, const Redactor& redactor)
    : platform_(platform), redactor_(redactor), file_(platform, std::move(path), redactor), host_(platform.host()) {}

std::optional<std::int64_t> KillLog::events_until_us() {
  if (!platform_.lock_holder(recorder_lock_path(path()))) return std::nullopt;
  std::optional<std::int64_t> until_us;
  ask([&](SQLite::Database& database) {
    Prepared select(database,
                    "SELECT s.events_until_us FROM recorder_status AS s"
                    " JOIN recording AS r ON r.recording_id = s.recording_id AND r.event_source <> 'none'"
                    " WHERE NOT EXISTS (SELECT 1 FROM recording_end AS e WHERE e.recording_id = r.recording_id)");
    until_us = select.number();
  });
  return until_us;
}

void KillLog::set_action(const KillRequest& request, CallerReading caller) {
  verb_ = request.verb;
  reason_ = request.reason;
  caller_ = std::move(caller);
}

void KillLog::commit(const ProcessPass& pass, std::vector<Victim>& victims, std::vector<Attempt>& attempts,
                     int patience_ms) {
  write_checked(pass, victims, attempts, patience_ms, {});
}

void KillLog::finish(int exit_code, const ProcessPass& pass, std::vector<Victim>& victims,
                     std::vector<Attempt>& attempts) {
  write_checked(pass, victims, attempts, kPatienceMs, [&](ActionWriter& writer, Rows& rows) {
    writer.add_action_outcome(action_id_, rows.now_us(), exit_code);
  });
}

void KillLog::write_checked(const ProcessPass& pass, std::vector<Victim>& victims, std::vector<Attempt>& attempts,
                            int patience_ms, const Extra& after) {
  // Who looks for what was done looks into the file of that name: the one of before anything was done.
  const bool is_first = action_id_ == 0;
  const auto is_elsewhere = [&] { return file_.has_lost_companions() || (is_first && file_.was_moved()); };
  if (file_.has_lost_companions()) open_again(victims, attempts);
  write(pass, victims, attempts, patience_ms, after);
  if (!is_elsewhere()) return;
  open_again(victims, attempts);
  if (action_id_ != 0) return;  // it is all there
  write(pass, victims, attempts, kPatienceMs, after);
  if (is_elsewhere()) {
    throw not_logged("The database " + path().string() + " was replaced again and again while it was logged to.");
  }
}

void KillLog::open_again(std::vector<Victim>& victims, std::vector<Attempt>& attempts) {
  if (file_.open_again()) return;
  action_id_ = 0;
  for (Victim& victim : victims) victim.upid.reset();
  for (Attempt& attempt : attempts) {
    attempt.attempt_id = 0;
    attempt.outcome_logged = false;
  }
}

void KillLog::write(const ProcessPass& pass, std::vector<Victim>& victims, std::vector<Attempt>& attempts,
                    int patience_ms, const Extra& after) {
  // What the transaction gives counts only once it is committed.
  std::vector<std::int64_t> ids;
  std::vector<std::optional<std::int64_t>> upids;
  const std::int64_t action_before = action_id_;
  Clocks now;
  try {
    file_.commit(
        [&](ActionWriter& writer) {
          ids.clear();
          upids.clear();
          action_id_ = action_before;
          now = platform_.clocks();  // under the lock, for which it may have waited
          boot_id_ = writer.processes().boot_id_of(host_);
          Rows rows(writer, redactor_, now, boot_id_, pass);
          if (action_id_ == 0) action_id_ = rows.add_action(verb_, caller_, reason_);
          for (const Victim& victim : victims) {
            const bool known = victim.upid || !victim.target.process.image;
            upids.push_back(known ? victim.upid : rows.upid_of(victim.target.process));
          }
          for (const Attempt& attempt : attempts) {
            const Victim& victim = victims[attempt.victim];
            const auto upid = upids[attempt.victim];
            ids.push_back(attempt.attempt_id != 0 ? attempt.attempt_id
                                                  : rows.add_attempt(action_id_, attempt, victim, upid,
                                                                     platform_.signal_number(attempt.signal)));
            if (attempt.outcome && !attempt.outcome_logged) rows.add_outcome(attempt, ids.back(), victim, upid);
          }
          if (after) after(writer, rows);
        },
        patience_ms);
  } catch (...) {
    action_id_ = action_before;
    throw;
  }
  for (std::size_t i = 0; i < victims.size(); ++i) victims[i].upid = upids[i];
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    if (attempts[i].attempt_id == 0) attempts[i].requested_us = now.wall_us;
    attempts[i].attempt_id = ids[i];
    attempts[i].outcome_logged = attempts[i].outcome.has_value();
  }
}

}  // namespace galproc
