#pragma once

// An action log in a folder of its own, and what is to be logged there.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "store/action_log.h"
#include "store/database.h"
#include "store/ledger.h"
#include "support/child.h"
#include "support/rows_text.h"
#include "support/temporary_folder.h"

namespace galproc {

inline HostReading some_host() {
  HostReading host;
  host.host_name = "box";
  host.system = "Linux";
  host.release = "6.1";
  host.boot_uuid = "11111111-aaaa";
  host.pid_namespace = 1;
  return host;
}

inline ActionEntry some_action(std::int64_t boot_id, const std::string& verb = "kill") {
  ActionEntry action;
  action.verb = verb;
  action.at_us = 1000;
  action.boot_id = boot_id;
  action.caller.key = {::getpid(), 7};
  action.caller.name = "galproc";
  action.caller.user_name = "alice";
  action.caller.arguments = {"galproc", verb, "42"};
  action.caller.host_name = "box";
  return action;
}

inline AttemptEntry some_attempt(std::int64_t action_id, std::int64_t boot_id, std::int64_t upid) {
  AttemptEntry attempt;
  attempt.action_id = action_id;
  attempt.at_us = 1001;
  attempt.target_upid = upid;
  attempt.boot_id = boot_id;
  attempt.target = {42, 300};
  attempt.name = "node";
  attempt.method = "polite";
  attempt.signal = 15;
  attempt.why = "pid";
  return attempt;
}

struct LoggedKill {
  std::int64_t boot_id = 0, upid = 0, action_id = 0, attempt_id = 0;
};

/// A kill as far as its attempt, in the transaction of `writer`.
inline LoggedKill log_intent(ActionWriter& writer, std::int64_t at_us = 1000) {
  LoggedKill kill;
  kill.boot_id = writer.processes().boot_id_of(some_host());
  kill.upid = writer.processes()
                  .upid_of(kill.boot_id, {{42, 300}, 900, false, Witness::Action, 1000, std::nullopt, std::nullopt})
                  .upid;
  ActionEntry action = some_action(kill.boot_id);
  action.at_us = at_us;
  kill.action_id = writer.add_action(action);
  AttemptEntry attempt = some_attempt(kill.action_id, kill.boot_id, kill.upid);
  attempt.at_us = at_us + 1;
  kill.attempt_id = writer.add_attempt(attempt);
  return kill;
}

/// Its two outcomes.
inline void log_outcome(ActionWriter& writer, const LoggedKill& kill, std::int64_t at_us = 1002) {
  OutcomeEntry outcome;
  outcome.attempt_id = kill.attempt_id;
  outcome.at_us = at_us;
  outcome.outcome = "survived";
  writer.add_outcome(outcome);
  writer.add_action_outcome(kill.action_id, at_us + 1, 6);
}

/// A whole kill, in two commits and four rows.
inline LoggedKill log_kill(ActionLog& log, std::int64_t at_us = 1000) {
  LoggedKill kill;
  log.commit([&](ActionWriter& writer) { kill = log_intent(writer, at_us); });
  log.commit([&](ActionWriter& writer) { log_outcome(writer, kill, at_us + 2); });
  return kill;
}

/// What was logged before `before_us` goes, as an action of `at_us` asks for.
inline ActionPrunePlan log_prune(ActionWriter& writer, std::int64_t before_us, std::int64_t at_us,
                                 const std::unordered_set<std::int64_t>& in_use = {}) {
  ActionEntry action = some_action(writer.processes().boot_id_of(some_host()), "prune");
  action.at_us = at_us;
  const std::int64_t action_id = writer.add_action(action);
  const ActionPrunePlan plan = writer.prune_actions(action_id, before_us, in_use);
  writer.add_action_outcome(action_id, at_us + 1, 0);
  return plan;
}

inline std::string bytes_of(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

/// Names and contents of all that lies in a folder; not of an -shm, which belongs to whoever looks too.
inline std::string contents_of(const std::filesystem::path& folder) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    files.push_back(name + "\n" + (name.ends_with("-shm") ? "" : bytes_of(entry.path())));
  }
  std::sort(files.begin(), files.end());
  std::string all;
  for (const std::string& file : files) all += file;
  return all;
}

class ActionLogTest : public testing::Test {
 protected:
  std::filesystem::path path() const { return folder_ / "galproc.db"; }
  ActionLog open(int patience_ms = kOpenPatienceMs) const { return {path(), redactor_, patience_ms}; }

  LedgerReport verify(const std::optional<std::string>& head = std::nullopt) const {
    SQLite::Database database = open_for_reading(path());
    return verify_ledger(database, head);
  }
  std::string ask(const std::string& sql) const {
    SQLite::Database database = open_for_reading(path());
    return rows_of(database, sql);
  }

  TemporaryFolder folder_;
  Redactor redactor_;
};

/// What a refusal says; "" when there is none.
inline std::string refusal_of(const std::function<void()>& work) {
  try {
    work();
    return "";
  } catch (const Error& error) {
    return (error.code() == ExitCode::NotLogged ? "" : "not a NotLogged: ") + std::string(error.what());
  }
}

}  // namespace galproc
