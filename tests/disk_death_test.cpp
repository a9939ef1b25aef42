// The process is killed between two calls of the disk, or in the midst of a write, one place after the other: what was
// told to anybody is there, and the next run goes on.

#include <sys/mman.h>

#include <atomic>
#include <new>

#include "cli/app.h"
#include "support/child.h"
#include "support/disk_fixture.h"

namespace galproc {
namespace {

constexpr const char* kKilled = "ended by 9";

/// Kills the process at its change number `place` of the disk, from 1.
class DeadlyDisk : public DiskWatcher {
 public:
  DeadlyDisk(int place, std::size_t part) : place_(place), part_(part) {}
  DiskVerdict before(const DiskStep& step) override {
    using Kind = DiskStep::Kind;
    if (step.kind == Kind::Read || step.kind == Kind::Lock || (step.kind == Kind::Open && !step.makes)) return {};
    return {0, step.data.size() * part_ / kParts, ++changes_ == place_};
  }
  static constexpr std::size_t kParts = 4;

 private:
  int place_;
  std::size_t part_;  ///< of the write that is met, in quarters
  int changes_ = 0;
};

/// What a process that was killed had come to, seen by the one that started it.
struct Witness {
  std::atomic<int> ticks = 0;  ///< of which it knew that they are stored
  std::atomic<int> signals = 0;
  ProcessKey sent[64];
};

class DiskDeathTest : public DiskTest {
 protected:
  struct Place {
    int change;
    std::size_t part;
    bool is_new;  ///< the file is to be made
  };

  /// Calls `attempt` for one place after the other, with a new file and with a used one; it gives whether the process
  /// was killed there.
  void everywhere(const std::function<bool(const Place&)>& attempt) {
    int deaths = 0;
    for (const bool is_new : {true, false}) {
      bool met = true;
      for (int change = 1; met && !HasFailure(); change = next_place(change, course_)) {
        const std::size_t part = course_.draw(DeadlyDisk::kParts);
        SCOPED_TRACE(fmt::format("killed at change {} of the disk, part {}, {} file; {}", change, part,
                                 is_new ? "a new" : "a used", course_.name()));
        met = attempt({change, part, is_new});
        deaths += met ? 1 : 0;
      }
    }
    fmt::print("{} deaths between two changes of the disk\n", deaths);
  }
  static std::string run_on(const Place& place, const std::function<std::string()>& work) {
    return in_child([&] {
      DeadlyDisk disk(place.change, place.part);
      const WatchedDisk watched(disk);
      return work();
    });
  }
  static std::string run(std::vector<std::string> words) {
    std::ostringstream out, err;
    return std::to_string(run_galproc(words, out, err)) + " " + err.str();
  }
  static bool is_there(const std::filesystem::path& path) { return examine_file(path) == FileKind::Ours; }
};

TEST_F(DiskDeathTest, OfARecorderThatKillsLosesNothingThatWasTold) {
  void* const shared = ::mmap(nullptr, sizeof(Witness), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(shared, MAP_FAILED);
  everywhere([&](const Place& place) {
    const std::filesystem::path path = place.is_new ? fresh_path() : used_path();
    const int before = place.is_new ? 0 : kRuns * kTicksOfARun;
    auto& witness = *new (shared) Witness;
    DiskWorld world(path);
    const bool killed = run_on(place, [&] {
                          world.on_signal = [&](const ProcessKey& key) {
                            witness.sent[witness.signals] = key;
                            ++witness.signals;
                          };
                          world.record(6, [&](int look) {
                            witness.ticks = look - 1;
                            if (look == 3 || look == 5) world.kill();
                          });
                          witness.ticks = 6;
                          return std::string("done");
                        }) == kKilled;
    const FileKind kind = examine_file(path);
    EXPECT_TRUE(kind == FileKind::Ours || (kind == FileKind::New && witness.ticks == 0));
    DiskWorld next(path);
    next.record(1);
    expect_sound(path);
    EXPECT_EQ(ask(path, fmt::format("SELECT count(*) - 1 BETWEEN {0} AND {0} + 1, count(*) = max(tick_id) FROM tick",
                                    before + witness.ticks)),
              "1|1\n");
    for (int i = 0; i < witness.signals; ++i) EXPECT_EQ(ask(path, attempt_on(witness.sent[i])), "1\n");
    EXPECT_EQ(next.kill().exit_code, 0);
    expect_sound(path);
    remove(path);
    return killed;
  });
  ::munmap(shared, sizeof(Witness));
}

TEST_F(DiskDeathTest, OfARealKillLetsNoSignalOutThatIsNotLogged) {
  int spared = 0, ended = 0;
  everywhere([&](const Place& place) {
    const std::filesystem::path path = place.is_new ? fresh_path() : used_path();
    Child victim;
    const std::string pid = std::to_string(victim.pid());
    const std::string result = run_on(place, [&] {
      return run({"kill", "--db", path.string(), "--tree", "--grace", "1s", pid});
    });
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(victim.pid()), &info, WEXITED | WNOWAIT | WNOHANG);
    ++(info.si_pid == 0 ? spared : ended);
    if (info.si_pid != 0) {
      EXPECT_TRUE(is_there(path)) << "a signal without a log";
      EXPECT_EQ(ask(path, "SELECT count(*) > 0 FROM attempt WHERE target_pid = " + pid), "1\n");
    }
    if (result != kKilled) {
      EXPECT_EQ(result.substr(0, 2), "0 ") << result;
      EXPECT_EQ(
          ask(path, "SELECT outcome FROM attempt_outcome JOIN attempt USING (attempt_id) WHERE target_pid = " + pid),
          "exited\n");
    }
    const std::string again = in_child([&] { return run({"kill", "--db", path.string(), pid}); });
    EXPECT_TRUE(again.starts_with("0 ") || again.starts_with("3 ")) << again;
    expect_sound(path);
    remove(path);
    return result == kKilled;
  });
  EXPECT_GT(spared, 0);
  EXPECT_GT(ended, 0);
}

TEST_F(DiskDeathTest, OfARealRecorderIsNoHindranceToTheNext) {
  everywhere([&](const Place& place) {
    const std::filesystem::path path = place.is_new ? fresh_path() : used_path();
    const int before = place.is_new ? 0 : kRuns * kTicksOfARun;
    const std::vector<std::string> words = {
        "record", "--db",       path.string(), "--process-source", "proc", "--event-source",
        "none",   "--interval", "10ms",        "--samples",        "3"};
    const std::string result = run_on(place, [&] { return run(words); });
    if (result != kKilled) {
      EXPECT_EQ(result.substr(0, 2), "0 ") << result;
      EXPECT_EQ(ask(path, "SELECT count(*) FROM tick"), fmt::format("{}\n", before + 3));
    }
    const std::string again = in_child([&] { return run(words); });
    EXPECT_EQ(again.substr(0, 2), "0 ") << again;
    expect_sound(path);
    EXPECT_EQ(ask(path, fmt::format("SELECT count(*) BETWEEN {0} + 3 AND {0} + 6 FROM tick", before)), "1\n");
    remove(path);
    return result == kKilled;
  });
}

}  // namespace
}  // namespace galproc
