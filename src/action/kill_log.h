#pragma once

// What a kill writes down, and when: the intent of everything before it is done, the outcome afterwards.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "action/log_file.h"
#include "action/plan.h"
#include "platform/platform.h"
#include "store/action_log.h"

namespace galproc {

/// One process that is being ended.
struct Victim {
  Target target;
  std::unique_ptr<ProcessHandle> handle;  ///< null: `settled` or `error` says why; or it has ended and all is known
  std::optional<std::int64_t> upid;
  bool met_later = false;                ///< not in the plan
  bool frozen = false;                   ///< stopped, and neither killed nor continued since
  bool was_stopped = false;              ///< by somebody else, before this kill stopped it
  bool asked = false;                    ///< or forced, in this round
  bool by_group = false;                 ///< logged to be killed with its control group
  bool killed = false;                   ///< by force, in this round
  std::optional<std::int64_t> ended_us;  ///< when its end was seen
  std::optional<std::int64_t> wait_status;
  std::optional<std::string> settled;  ///< outcome of all further attempts: refused, denied, already_gone ...
  std::string error;                   ///< of the system, or why it is refused

  bool is_left() const { return !ended_us && !settled; }  ///< perhaps without a handle yet
  bool is_living() const { return handle && is_left(); }
};

/// One thing done to it.
struct Attempt {
  std::size_t victim = 0;  ///< index
  std::string method;
  Signal signal = Signal::Terminate;
  std::int64_t attempt_id = 0;  ///< 0: not logged yet
  std::int64_t requested_us = 0;
  bool sent = false;
  std::optional<std::string> outcome;
  std::string error;
  bool outcome_logged = false;
};

/// The log of one action. Whatever throws Error (NotLogged) has written nothing.
class KillLog {
 public:
  /// Opens the file, making it where it is not there. Throws Error (NotLogged) where it cannot be logged to.
  /// REQUIRES: `platform` and `redactor` outlive this.
  KillLog(Platform& platform, std::filesystem::path path, const Redactor& redactor);

  /// What the action is, and who asks for it. To be called before the first commit.
  void set_action(const KillRequest& request, CallerReading caller);

  /// As of ActionLog.
  void ask(const std::function<void(SQLite::Database&)>& question) { file_.log().ask(question); }
  SQLite::Database& database() { return file_.log().database(); }
  RecordedAncestry& ancestry() { return file_.log().ancestry(host_); }
  const std::filesystem::path& path() const { return file_.path(); }

  /// Commits all attempts that are not logged yet and all outcomes that are known; the first time the action too. When
  /// somebody renames the file during that, everything is logged again, once, in the one that has its name now;
  /// likewise whenever the -wal or -shm was taken away, if it is not in the file. `pass` is a reading that has all
  /// victims that are new.
  void commit(const ProcessPass& pass, std::vector<Victim>& victims, std::vector<Attempt>& attempts,
              int patience_ms = 10'000);
  /// The same, and what came of it all.
  void finish(int exit_code, const ProcessPass& pass, std::vector<Victim>& victims, std::vector<Attempt>& attempts);

  /// Up to when the events of a recorder that runs on this file are in it; empty: none runs, or it has no source of
  /// them.
  std::optional<std::int64_t> events_until_us();

  /// 0 before the first commit.
  std::int64_t action_id() const { return action_id_; }

 private:
  class Rows;

  using Extra = std::function<void(ActionWriter&, Rows&)>;

  /// Opens the file of that name again. What was committed and is not in it is to be logged again.
  void open_again(std::vector<Victim>& victims, std::vector<Attempt>& attempts);
  void write_checked(const ProcessPass& pass, std::vector<Victim>& victims, std::vector<Attempt>& attempts,
                     int patience_ms, const Extra& after);
  /// One transaction: the action, if there is none yet; new attempts, outcomes, `after`.
  void write(const ProcessPass& pass, std::vector<Victim>& victims, std::vector<Attempt>& attempts, int patience_ms,
             const Extra& after);

  Platform& platform_;
  const Redactor& redactor_;
  LogFile file_;
  HostReading host_;
  std::string verb_;
  std::optional<std::string> reason_;
  CallerReading caller_;
  std::int64_t action_id_ = 0;
  std::int64_t boot_id_ = 0;
};

}  // namespace galproc
