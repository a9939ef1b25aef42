#pragma once

// Kills on a scripted machine with a real log: a web server with a worker that has a worker.

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "action/kill.h"
#include "store/ledger.h"
#include "support/fake_platform.h"
#include "support/temporary_folder.h"

namespace galproc {

/// The whole of `galproc kill PID...` after its words are understood, logged at `path`.
inline KillReport run_kill(Platform& platform, const std::filesystem::path& path, KillRequest request,
                           std::vector<std::int64_t> pids) {
  const Redactor redactor;
  request.selectors.pids = std::move(pids);
  KillLog log(platform, path, redactor);
  World world{platform.read_processes(), {}};
  Guard guard(request.policy, {platform.caller(), {}, {}});
  guard.look_at(world.processes);
  Plan plan = make_plan(world, request, guard, {});
  return Kill(platform, log, request, guard, std::move(plan), std::move(world.processes), platform.caller()).run();
}

class KillTest : public testing::Test {
 protected:
  KillTest() {
    world_.start(1, 0, "init");
    world_.who.key = world_.start(30, 1, "galproc");
    world_.start(40, 1, "web");
    world_.start(41, 40, "worker");
    world_.start(42, 41, "worker");
  }

  KillReport kill(Platform& platform, KillRequest request, std::vector<std::int64_t> pids) {
    return run_kill(platform, path_, std::move(request), std::move(pids));
  }
  KillReport kill(const KillRequest& request, std::vector<std::int64_t> pids) {
    return kill(world_, request, std::move(pids));
  }
  static KillRequest tree() {
    KillRequest request;
    request.tree = true;
    return request;
  }

  /// What the log says: "40 polite exited, ".
  std::string logged() {
    SQLite::Database database(path_.string(), SQLite::OPEN_READONLY);
    SQLite::Statement rows(database,
                           "SELECT a.target_pid || ' ' || a.method || ' ' || coalesce(o.outcome, '?') FROM attempt AS a"
                           " LEFT JOIN attempt_outcome AS o USING (attempt_id) ORDER BY attempt_id");
    std::string text;
    while (rows.executeStep()) text += rows.getColumn(0).getString() + ", ";
    EXPECT_EQ(verify_ledger(database).problem, "");
    return text;
  }
  std::string ask(const std::string& sql) {
    SQLite::Database database(path_.string(), SQLite::OPEN_READONLY);
    return database.execAndGet(sql).getString();
  }
  /// "40 SIGTERM, " of what reached somebody.
  std::string sent() const {
    std::string text;
    for (const auto& [pid, signal] : world_.sent) text += std::to_string(pid) + " " + to_text(signal) + ", ";
    return text;
  }
  void expect_nobody_stopped() const {
    for (const auto& [pid, process] : world_.processes) {
      EXPECT_NE(process.usage.state, ProcessState::Stopped) << pid << " was left stopped";
    }
  }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "galproc.db";
  Redactor redactor_;
  FakePlatform world_;
};

}  // namespace galproc
