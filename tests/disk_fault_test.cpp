// A disk on which any one call fails, or all from one on, wherever that is: what was acknowledged is there, nothing is
// half there, what cannot be logged is not done, and the next attempt goes through.

#include "store/query_catalogue.h"
#include "store/query_run.h"
#include "store/snapshot.h"
#include "support/disk_fixture.h"
#include "support/failing_disk.h"

namespace galproc {
namespace {

constexpr int kForEver = 1'000'000;

class DiskFaultTest : public DiskTest {
 protected:
  /// Runs `attempt` with the fault at one call after the other until it is not met any more: that one call, and again
  /// with all from it on.
  void everywhere(const std::function<void(FailingDisk& disk, bool for_ever)>& attempt) {
    int places = 0;
    for (const DiskFault& fault : disk_faults()) {
      for (const int count : {1, kForEver}) {
        // What another holds for ever is waited for in real time.
        if (fault.kind == DiskStep::Kind::Lock && count == kForEver) continue;
        bool met = true;
        for (int place = 1; met && !HasFailure(); place = next_place(place, course_)) {
          SCOPED_TRACE(fmt::format("{}, call {}{}; {}", fault.name, place, count == 1 ? "" : " and on", course_.name()));
          FailingDisk disk(fault, place, count);
          attempt(disk, count != 1);
          met = disk.failed();
          places += met ? 1 : 0;
        }
      }
    }
    fmt::print("{} places at which the disk failed\n", places);
  }
};

TEST_F(DiskFaultTest, UnderARecorderLosesNoTickOrIsSaid) {
  constexpr int kTicks = 4;
  everywhere([&](FailingDisk& disk, bool for_ever) {
    DiskWorld world(fresh_path());
    std::string refused;
    {
      const WatchedDisk watched(disk);
      try {
        world.record(kTicks);
      } catch (const Error& error) {
        refused = error.what();
      }
    }
    if (refused.empty()) {
      expect_sound(world.path);
      EXPECT_EQ(ask(world.path, "SELECT count(*) FROM tick"), fmt::format("{}\n", kTicks)) << world.talk.str();
      EXPECT_EQ(ask(world.path, "SELECT reason FROM recording_end ORDER BY recording_id DESC LIMIT 1"), "stopped\n");
    } else {
      EXPECT_NE(refused.find(world.path.string()), std::string::npos) << refused;
    }
    EXPECT_TRUE(!refused.empty() || !for_ever || disk.calls() <= kForEver);
    world.record(2);
    expect_sound(world.path);
    remove(world.path);
  });
}

TEST_F(DiskFaultTest, UnderAKillLetsNothingOutThatIsNotLogged) {
  everywhere([&](FailingDisk& disk, bool) {
    DiskWorld world(used_path());
    int exit_code = -1;
    std::string said;
    {
      const WatchedDisk watched(disk);
      try {
        const KillReport report = world.kill();
        exit_code = report.exit_code;
        said = report.problem.value_or("");
      } catch (const Error& error) {
        exit_code = static_cast<int>(error.code());
        said = error.what();
      }
    }
    const std::string newest = " WHERE action_id = (SELECT max(action_id) FROM action) AND action_id > 1";
    for (const auto& [pid, signal] : world.platform.sent) {
      EXPECT_EQ(ask(world.path, fmt::format("SELECT count(*) > 0 FROM attempt{} AND target_pid = {}", newest, pid)),
                "1\n")
          << "pid " << pid << " got a signal that is not logged: " << said;
    }
    for (const auto& [pid, process] : world.platform.processes) {
      EXPECT_NE(process.usage.state, ProcessState::Stopped) << pid << " was left stopped";
    }
    if (exit_code == 0) {
      EXPECT_EQ(ask(world.path, "SELECT outcome, (SELECT count(*) FROM attempt_outcome WHERE outcome = 'exited'"
                                " AND attempt_id IN (SELECT attempt_id FROM attempt" + newest + ")) FROM actions" + newest),
                "done|3\n");
    } else {
      EXPECT_EQ(exit_code, static_cast<int>(ExitCode::NotLogged)) << said;
      EXPECT_NE(said.find("not be logged"), std::string::npos) << said;
      EXPECT_NE(said.find(world.path.string()), std::string::npos) << said;
      EXPECT_EQ(said.find("nothing was done") != std::string::npos, world.platform.sent.empty()) << said;
    }
    expect_sound(world.path);
    EXPECT_EQ(world.kill().exit_code, 0);
    world.record(1);
    expect_sound(world.path);
    remove(world.path);
  });
}

}  // namespace
}  // namespace galproc
