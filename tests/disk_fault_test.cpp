// A disk on which any one call fails, or all from one on, wherever that is: what was acknowledged is there, nothing is
// half there, what cannot be logged is not done, and the next attempt goes through.

#include <algorithm>
#include <cerrno>

#include "store/query_catalogue.h"
#include "store/query_run.h"
#include "store/reserve.h"
#include "store/snapshot.h"
#include "support/disk_fixture.h"
#include "support/failing_disk.h"

namespace galproc {
namespace {

constexpr int kForEver = 1'000'000;

class DiskFaultTest : public DiskTest {
 protected:
  /// Does `work` on that disk. Gives what it was refused with; "" where it went through.
  static std::string on(FailingDisk& disk, const std::function<void()>& work) {
    const WatchedDisk watched(disk);
    try {
      work();
    } catch (const Error& error) {
      return error.what();
    } catch (const SQLite::Exception& error) {
      return error.what();
    }
    return "";
  }
  /// Runs `attempt` with the fault at one call after the other until it is not met any more: that one call, and again
  /// with all from it on.
  void everywhere(const std::function<void(FailingDisk& disk)>& attempt, int stride = 1) {
    int places = 0;
    for (const DiskFault& fault : disk_faults()) {
      for (const int count : {1, kForEver}) {
        // What another holds for ever is waited for in real time.
        if (fault.kind == DiskStep::Kind::Lock && count == kForEver) continue;
        if (torture_rounds() == 0 && course_.draw(7) > 0) continue;
        bool met = true;
        for (int place = 1; met && !HasFailure(); place = next_place(place, course_) + stride - 1) {
          SCOPED_TRACE(
              fmt::format("{}, call {}{}; {}", fault.name, place, count == 1 ? "" : " and on", course_.name()));
          FailingDisk disk(fault, place, count);
          attempt(disk);
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
  everywhere([&](FailingDisk& disk) {
    DiskWorld world(fresh_path());
    const std::string refused = on(disk, [&] { world.record(kTicks); });
    if (refused.empty()) {
      expect_sound(world.path);
      EXPECT_EQ(ask(world.path, "SELECT count(*) FROM tick"), fmt::format("{}\n", kTicks)) << world.talk.str();
      EXPECT_EQ(ask(world.path, "SELECT reason FROM recording_end ORDER BY recording_id DESC LIMIT 1"), "stopped\n");
    } else {
      EXPECT_NE(refused.find(world.path.string()), std::string::npos) << refused;
    }
    world.record(2);
    expect_sound(world.path);
    remove(world.path);
  });
}

// Room is made after its look: what fails then is met by nothing but the stop.
TEST_F(DiskFaultTest, UnderARecorderOfOneLookEndsInOrderOrIsSaid) {
  const DiskFault& fault = *std::find_if(disk_faults().begin(), disk_faults().end(),
                                         [](const DiskFault& one) { return one.code == SQLITE_IOERR_LOCK; });
  bool met = true;
  for (int place = 1; met && !HasFailure(); ++place) {
    SCOPED_TRACE(fmt::format("{}, call {}", fault.name, place));
    FailingDisk disk(fault, place);
    DiskWorld world(used_path());
    const std::string refused = on(disk, [&] { world.record(1); });
    met = disk.failed();
    if (refused.empty()) {
      EXPECT_EQ(ask(world.path, "SELECT reason FROM recording_end ORDER BY recording_id DESC LIMIT 1"), "stopped\n");
    }
    expect_sound(world.path);
    remove(world.path);
  }
}

TEST_F(DiskFaultTest, UnderACheckpointLosesNoTick) {
  constexpr int kTicks = 6;
  constexpr int kStride = 97;  // it writes a thousand pages
  everywhere(
      [&](FailingDisk& disk) {
        DiskWorld world(used_path());
        const std::string refused = on(disk, [&] {
          world.record(kTicks, [&](int look) {
            if (look != 3) return;
            SQLite::Database other(world.path.string(), SQLite::OPEN_READWRITE);
            other.exec("PRAGMA wal_autocheckpoint = 0; INSERT INTO text (value) VALUES (hex(randomblob(2000000)))");
          });
        });
        expect_sound(world.path);
        if (refused.empty()) {
          EXPECT_EQ(ask(world.path, "SELECT count(*) FROM tick"), fmt::format("{}\n", kRuns * kTicksOfARun + kTicks));
        }
        world.record(1);
        expect_sound(world.path);
        remove(world.path);
      },
      kStride);
}

TEST_F(DiskFaultTest, UnderAKillLetsNothingOutThatIsNotLogged) {
  everywhere([&](FailingDisk& disk) {
    DiskWorld world(used_path());
    std::vector<ProcessKey> sent;
    world.on_signal = [&](const ProcessKey& key) { sent.push_back(key); };
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
    const std::string newest = " WHERE action_id = (SELECT max(action_id) FROM action WHERE action_id > 1)";
    for (const ProcessKey& key : sent) {
      EXPECT_EQ(ask(world.path, attempt_on(key)), "1\n") << key.pid << " got a signal that is not logged: " << said;
    }
    for (const auto& [pid, process] : world.platform.processes) {
      EXPECT_NE(process.usage.state, ProcessState::Stopped) << pid << " was left stopped";
    }
    if (exit_code == 0) {
      EXPECT_EQ(ask(world.path,
                    "SELECT outcome, (SELECT count(*) FROM attempt_outcome WHERE outcome = 'exited'"
                    " AND attempt_id IN (SELECT attempt_id FROM attempt" +
                        newest + ")) FROM actions" + newest),
                "done|3\n");
    } else {
      EXPECT_EQ(exit_code, static_cast<int>(ExitCode::NotLogged)) << said;
      EXPECT_NE(said.find("not be logged"), std::string::npos) << said;
      EXPECT_NE(said.find(world.path.string()), std::string::npos) << said;
      EXPECT_EQ(said.find("nothing was done") != std::string::npos, sent.empty()) << said;
    }
    expect_sound(world.path);
    EXPECT_EQ(world.kill().exit_code, 0);
    world.record(1);
    expect_sound(world.path);
    remove(world.path);
  });
}

TEST_F(DiskFaultTest, OverAQuotaUnderAKillGivesUpTheReserve) {
  static constexpr std::int64_t kReserveBytes = 4096;
  /// Writes fail as over a quota, to SQLite an error like any other, while there is a reserve to be given up.
  class Quota : public DiskWatcher {
   public:
    explicit Quota(std::filesystem::path database) : database_(std::move(database)) {}
    DiskVerdict before(const DiskStep& step) override {
      if (step.kind != DiskStep::Kind::Write || !has_reserve(database_, kReserveBytes)) return {};
      errno = EDQUOT;
      return {SQLITE_IOERR_WRITE, 0, false};
    }

   private:
    std::filesystem::path database_;
  };
  DiskWorld world(used_path());
  fill_reserve(world.path, kReserveBytes);
  Quota quota(world.path);
  {
    const WatchedDisk watched(quota);
    EXPECT_EQ(world.kill().exit_code, 0);
  }
  EXPECT_FALSE(has_reserve(world.path, kReserveBytes));
  expect_sound(world.path);
  remove(world.path);
}

TEST_F(DiskFaultTest, UnderAStartRunsNothingThatIsNotLogged) {
  everywhere([&](FailingDisk& disk) {
    DiskWorld world(used_path());
    int exit_code = -1;
    const std::string refused = on(disk, [&] { exit_code = world.start_service("web").exit_code; });
    for (const std::int64_t pid : world.platform.released) {
      EXPECT_EQ(ask(world.path, fmt::format("SELECT count(*) FROM services WHERE service = 'web' AND pid = {}", pid)),
                "1\n")
          << pid << " runs and is not logged: " << refused;
    }
    if (exit_code == 0) {
      EXPECT_EQ(world.platform.released.size(), 1U);
      EXPECT_EQ(ask(world.path, "SELECT outcome FROM actions WHERE verb = 'start'"), "done\n");
    } else if (exit_code == -1) {
      EXPECT_NE(refused.find("not be logged in " + world.path.string()), std::string::npos) << refused;
      EXPECT_EQ(world.platform.released.empty(), refused.find("othing was ") != std::string::npos) << refused;
    } else {
      EXPECT_EQ(exit_code, static_cast<int>(ExitCode::NotLogged));
    }
    if (world.platform.released.empty()) {
      for (const auto& [pid, process] : world.platform.processes) EXPECT_LT(pid, 500) << "it is left waiting";
      EXPECT_TRUE(world.platform.made_groups.empty()) << refused;
    }
    expect_sound(world.path);
    EXPECT_EQ(world.start_service("other").exit_code, 0);
    expect_sound(world.path);
    remove(world.path);
  });
}

TEST_F(DiskFaultTest, UnderAMigrationLeavesTheOldFileOrTheNewOne) {
  everywhere([&](FailingDisk& disk) {
    const std::filesystem::path path = fresh_path();
    make_old_file(path);
    const std::string refused = on(disk, [&] { open_for_acting(path, 1000); });
    {
      SQLite::Database database(path.string(), SQLite::OPEN_READONLY);
      const int version = database.execAndGet("PRAGMA user_version").getInt();
      EXPECT_TRUE(version == schema_version() || version == 1) << version;
      if (refused.empty()) {
        EXPECT_EQ(version, schema_version());
      }
      EXPECT_EQ(database.execAndGet("SELECT started_us FROM process WHERE upid = 7").getInt(), 900);
      EXPECT_EQ(database.execAndGet("PRAGMA integrity_check").getString(), "ok");
    }
    SQLite::Database database = open_for_acting(path, 1000);
    EXPECT_EQ(database.execAndGet("PRAGMA user_version").getInt(), schema_version());
    EXPECT_EQ(rows_of(database, "SELECT pid, started_us FROM processes"), "42|900\n");
    EXPECT_EQ(rows_of(database, "SELECT count(*) FROM origin"), "1\n");
    remove(path);
  });
}

TEST_F(DiskFaultTest, UnderAPruningDeletesNothingElse) {
  RecordingLimits limits;
  limits.retain_us = DiskWorld::kInterval * kTicksOfARun;
  everywhere([&](FailingDisk& disk) {
    DiskWorld world(used_path());
    on(disk, [&] { world.record(4, limits, [](int) {}); });
    expect_sound(world.path);
    world.record(8, limits, [](int) {});
    expect_sound(world.path);
    EXPECT_EQ(ask(world.path, "SELECT max(before_tick_id) = (SELECT min(tick_id) FROM tick) FROM prune"), "1\n");
    EXPECT_EQ(ask(world.path, "SELECT count(*) > 8, count(*) = max(tick_id) - min(tick_id) + 1 FROM tick"), "1|1\n");
    EXPECT_EQ(ask(world.path, "SELECT count(*) FROM attempt_outcome"), "3\n");
    remove(world.path);
  });
}

TEST_F(DiskFaultTest, UnderASnapshotLeavesTheFileAlone) {
  const std::filesystem::path path = used_path();
  const std::string rows = ask(path, "SELECT (SELECT count(*) FROM tick), (SELECT max(hash) FROM ledger)");
  everywhere([&](FailingDisk& disk) {
    const std::filesystem::path first = fresh_path(), second = fresh_path();
    const auto copy_to = [&](const std::filesystem::path& to) {
      SQLite::Database from = open_for_reading(path);
      copy_database(from, to);
    };
    if (on(disk, [&] { copy_to(first); }).empty()) {
      EXPECT_EQ(ask(first, "SELECT (SELECT count(*) FROM tick), (SELECT max(hash) FROM ledger)"), rows);
      expect_sound(first);
    }
    copy_to(second);
    expect_sound(second);
    EXPECT_EQ(ask(second, "SELECT (SELECT count(*) FROM tick), (SELECT max(hash) FROM ledger)"), rows);
    remove(first);
    remove(second);
  });
  expect_sound(path);
}

TEST_F(DiskFaultTest, UnderAQuestionGivesTheWholeAnswerOrNone) {
  const std::filesystem::path path = used_path();
  const QueryCatalogue catalogue = QueryCatalogue::built_in();
  const auto answers = [&] {
    std::vector<std::vector<std::vector<Value>>> all;
    SQLite::Database database = open_for_reading(path);
    for (const char* name : {"processes", "attempts", "ports", "gaps"}) {
      all.push_back(run_query(database, *catalogue.find(name), {}).rows);
    }
    all.push_back(run_sql(database, "SELECT * FROM process_samples ORDER BY tick_id, upid").rows);
    return all;
  };
  const auto whole = answers();
  everywhere([&](FailingDisk& disk) {
    std::vector<std::vector<std::vector<Value>>> got;
    if (on(disk, [&] { got = answers(); }).empty()) {
      EXPECT_TRUE(got == whole);
    }
    EXPECT_TRUE(answers() == whole);
  });
  expect_sound(path);
}

}  // namespace
}  // namespace galproc
