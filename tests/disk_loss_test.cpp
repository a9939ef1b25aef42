// The power is lost, at any moment, and with it whatever part of that which was not synced: every intent that let a
// signal out is there, and of the ticks only the newest can be missing.

#include <sqlite3.h>

#include "store/reserve.h"
#include "store/snapshot.h"
#include "support/disk_fixture.h"
#include "support/forgetful_disk.h"

namespace galproc {
namespace {

using Loss = ForgetfulDisk::Loss;

/// Writes find no room while there is a reserve to be given up.
class FullDisk : public DiskWatcher {
 public:
  explicit FullDisk(std::filesystem::path database) : database_(std::move(database)) {}
  DiskVerdict before(const DiskStep& step) override {
    const bool is_full = step.kind == DiskStep::Kind::Write && is_full_ && has_room_to_give();
    return {is_full ? SQLITE_FULL : SQLITE_OK, 0, false};
  }
  bool has_room_to_give() const { return has_reserve(database_, kReserveBytes); }
  void fill() {
    fill_reserve(database_, kReserveBytes);
    is_full_ = true;
  }

 private:
  static constexpr std::int64_t kReserveBytes = 4096;
  std::filesystem::path database_;
  bool is_full_ = false;
};

class DiskLossTest : public DiskTest {
 protected:
  /// Something that is true for good, once the disk has done so many steps.
  struct Promise {
    std::size_t steps = 0;
    std::function<void(SQLite::Database&)> check;
  };

  void promise(std::function<void(SQLite::Database&)> check) {
    promises_.push_back({disk_->steps(), std::move(check)});
  }
  void promise_rows(const std::string& sql, const std::string& rows) {
    promise([=](SQLite::Database& database) { EXPECT_EQ(rows_of(database, sql), rows) << sql; });
  }

  /// Runs `work` on a disk of its own, then loses the power at moments of it, and holds what is found against all that
  /// was promised by then; `always` holds at any moment.
  void lose_power(const std::filesystem::path& path, const std::function<void()>& work,
                  const std::function<void(SQLite::Database&, std::size_t steps)>& always) {
    promises_.clear();
    disk_.emplace(path.parent_path());
    {
      const WatchedDisk watched(*disk_);
      work();
    }
    std::size_t losses = 0;
    const std::size_t rounds = std::max(1U, torture_rounds() / 100);
    const auto lose = [&](std::size_t steps, Loss loss) {
      if (HasFailure()) return;
      SCOPED_TRACE(fmt::format("power lost after {} of {} steps, loss {}; {}", steps, disk_->steps(),
                               static_cast<int>(loss), course_.name()));
      ++losses;
      look_at_remains(path, steps, loss, always);
    };
    if (torture_rounds() == 0) {
      for (int i = 0; i < kFewLosses; ++i) lose(course_.draw(disk_->steps()), ForgetfulDisk::kLosses[i % 4]);
    } else {
      for (std::size_t steps = 0; steps <= disk_->steps(); ++steps) {
        for (const Loss loss : ForgetfulDisk::kLosses) {
          const bool is_chance = loss == Loss::TheNewest || loss == Loss::Sectors;
          for (std::size_t round = 0; round < (is_chance ? rounds : 1); ++round) lose(steps, loss);
        }
      }
    }
    fmt::print("{} losses of power in {} steps of the disk\n", losses, disk_->steps());
  }

  std::optional<ForgetfulDisk> disk_;

 private:
  static constexpr int kFewLosses = 32;

  void look_at_remains(const std::filesystem::path& path, std::size_t steps, Loss loss,
                       const std::function<void(SQLite::Database&, std::size_t steps)>& always) {
    const TemporaryFolder remains(memory_folder());
    disk_->write_remains(steps, loss, course_, remains.path());
    const std::filesystem::path found = remains / path.filename().string();
    const FileKind kind = examine_file(found);
    const bool is_promised = !promises_.empty() && promises_.front().steps <= steps;
    ASSERT_TRUE(kind == FileKind::Ours || (kind == FileKind::New && !is_promised)) << static_cast<int>(kind);
    {
      SQLite::Database database = open_for_recording(found, 1000);
      EXPECT_EQ(problems_of(database), "");
      for (const Promise& each : promises_) {
        if (each.steps <= steps) each.check(database);
      }
      always(database, steps);
    }
    if (course_.draw(9) > 0) return;
    DiskWorld next(found);
    EXPECT_EQ(next.kill().exit_code, 0);
    next.record(2);
    expect_sound(found);
  }

  std::vector<Promise> promises_;
};

/// Ticks of one or more runs: all of them up to one, and at most one that nobody had been told of.
void expect_first_ticks(SQLite::Database& database, std::int64_t most) {
  EXPECT_EQ(
      rows_of(database, fmt::format("SELECT count(*) = coalesce(max(tick_id), 0), count(*) <= {} FROM tick", most)),
      "1|1\n");
}

TEST_F(DiskLossTest, LosesNoIntentThatLetASignalOutAndOnlyTheNewestTicks) {
  DiskWorld world(folder_ / "new" / "galproc.db");
  FullDisk full(world.path);
  constexpr int kTicks = 14;
  std::filesystem::create_directory(world.path.parent_path());
  std::vector<std::pair<std::size_t, int>> begun;  // looks, and the steps of the disk before each
  std::size_t signals = 0;
  int look = 0;
  const auto kill_now = [&] {
    bool is_first = true;
    world.on_signal = [&, ticks = look - 1](const ProcessKey& key) mutable {
      ++signals;
      promise_rows(attempt_on(key), "1\n");
      // What was committed before by a recorder that does not sync goes to the disk with the intent.
      if (std::exchange(is_first, false)) promise_rows(fmt::format("SELECT count(*) >= {} FROM tick", ticks), "1\n");
    };
    const KillReport report = world.kill();
    ASSERT_EQ(report.exit_code, 0) << report.problem.value_or("");
    promise_rows(fmt::format("SELECT outcome FROM actions WHERE action_id = {}", report.action_id), "done\n");
  };
  world.platform.on_release = [&](std::int64_t pid) {
    promise_rows(fmt::format("SELECT service FROM services WHERE pid = {}", pid), "web\n");
  };
  lose_power(
      world.path,
      [&] {
        disk_->inner = &full;
        look = 1;
        kill_now();  // makes the file
        world.record(kTicks, [&](int now) {
          look = now;
          begun.emplace_back(disk_->steps(), look);
          if (look % 4 == 0) kill_now();
          if (look % 5 == 0) {
            SQLite::Database other(world.path.string(), SQLite::OPEN_READWRITE);
            const char* how[] = {"PASSIVE", "FULL", "RESTART", "TRUNCATE"};
            other.exec(fmt::format("PRAGMA wal_checkpoint({})", how[course_.draw(3)]));
          }
          if (look == 6) {
            world.start_service("web");
            promise_rows("SELECT outcome FROM actions WHERE verb = 'start'", "done\n");
          }
          if (look == 9) {
            full.fill();
            kill_now();
            EXPECT_FALSE(full.has_room_to_give()) << "the reserve was needed";
          }
        });
        promise_rows("SELECT reason FROM recording_end", "stopped\n");
        promise_rows("SELECT count(*) FROM tick", fmt::format("{}\n", kTicks));
      },
      [&](SQLite::Database& database, std::size_t steps) {
        std::int64_t most = 0;
        for (const auto& [before, number] : begun) most = before <= steps ? number : most;
        expect_first_ticks(database, most);
      });
  EXPECT_GT(signals, 12U);
}

TEST_F(DiskLossTest, OfAPruningLosesNothingThatIsKept) {
  DiskWorld world(folder_ / "own" / "galproc.db");
  std::filesystem::create_directory(world.path.parent_path());
  const std::filesystem::path used = used_path();
  for (const char* ending : {"", "-wal"}) std::filesystem::rename(used.string() + ending, world.path.string() + ending);
  RecordingLimits limits;
  limits.retain_us = DiskWorld::kInterval * kTicksOfARun;
  lose_power(
      world.path,
      [&] {
        world.record(6, limits, [](int) {});
        promise_rows("SELECT max(before_tick_id) = (SELECT min(tick_id) FROM tick) FROM prune", "1\n");
        promise_rows(fmt::format("SELECT max(tick_id) = {} FROM tick", kRuns * kTicksOfARun + 6), "1\n");
      },
      [&](SQLite::Database& database, std::size_t) {
        EXPECT_EQ(rows_of(database,
                          "SELECT count(*) = max(tick_id) - min(tick_id) + 1, min(tick_id) <= coalesce("
                          "(SELECT max(before_tick_id) FROM prune), 1) FROM tick"),
                  "1|1\n");
        EXPECT_EQ(rows_of(database, "SELECT count(*), count(outcome) FROM termination_attempts"), "3|3\n");
      });
}

TEST_F(DiskLossTest, OfAMigrationLeavesTheOldRows) {
  const std::filesystem::path path = folder_ / "own" / "galproc.db";
  std::filesystem::create_directory(path.parent_path());
  make_old_file(path);
  lose_power(
      path, [&] { open_for_acting(path, 1000); },
      [&](SQLite::Database& database, std::size_t) {
        EXPECT_EQ(rows_of(database, "SELECT pid, started_us FROM processes"), "42|900\n");
        EXPECT_EQ(rows_of(database, "SELECT count(*) FROM origin"), "1\n");
      });
}

TEST_F(DiskLossTest, OfASnapshotThatWasDoneLosesNothing) {
  const std::filesystem::path from = used_path(), path = folder_ / "own" / "copy.db";
  std::filesystem::create_directory(path.parent_path());
  const std::string rows = ask(from, "SELECT (SELECT count(*) FROM tick), (SELECT max(hash) FROM ledger)");
  disk_.emplace(path.parent_path());
  {
    const WatchedDisk watched(*disk_);
    SQLite::Database database(from.string(), SQLite::OPEN_READONLY);
    copy_database(database, path);
  }
  for (const Loss loss : ForgetfulDisk::kLosses) {
    const TemporaryFolder remains(memory_folder());
    disk_->write_remains(disk_->steps(), loss, course_, remains.path());
    ASSERT_EQ(examine_file(remains / "copy.db"), FileKind::Ours);
    EXPECT_EQ(ask(remains / "copy.db", "SELECT (SELECT count(*) FROM tick), (SELECT max(hash) FROM ledger)"), rows);
    expect_sound(remains / "copy.db");
  }
}

}  // namespace
}  // namespace galproc
