// The executor against a scripted machine and a real log: what it does, in which order, and what the log says then.

#include "support/kill_fixture.h"

namespace galproc {
namespace {

TEST_F(KillTest, AsksAndLogsWhatCameOfIt) {
  const KillReport report = kill({}, {40});
  EXPECT_EQ(report.exit_code, 0);
  EXPECT_EQ(sent(), "40 SIGTERM, ");
  EXPECT_EQ(logged(), "40 polite exited, ");
  EXPECT_EQ(ask("SELECT outcome || exit_code FROM actions"), "done0");
  EXPECT_EQ(ask("SELECT exit_signal FROM processes WHERE pid = 40"), "SIGTERM");
}

TEST_F(KillTest, ForcesWhoDoesNotListenAfterTheGraceAndTellsBoth) {
  world_.deaf = {40};
  const std::int64_t before_us = world_.now.boot_us;
  EXPECT_EQ(kill({}, {40}).exit_code, 0);
  EXPECT_GE(world_.now.boot_us - before_us, 3'000'000);
  EXPECT_EQ(sent(), "40 SIGTERM, 40 SIGKILL, ");
  EXPECT_EQ(logged(), "40 polite survived, 40 forced exited, ");
}

TEST_F(KillTest, ForcesNobodyWhereItMayNot) {
  world_.deaf = {40};
  KillRequest request;
  request.force = false;
  request.attempts = 2;
  EXPECT_EQ(kill(request, {40}).exit_code, 6);
  EXPECT_EQ(sent(), "40 SIGTERM, 40 SIGTERM, ");
  EXPECT_EQ(logged(), "40 polite survived, 40 polite survived, ");
}

TEST_F(KillTest, UsesForceAtOnceWhereThatIsAsked) {
  KillRequest request;
  request.signal = Signal::Kill;
  EXPECT_EQ(kill(request, {40}).exit_code, 0);
  EXPECT_EQ(sent(), "40 SIGKILL, ");
  EXPECT_EQ(logged(), "40 forced exited, ");
}

TEST_F(KillTest, GivesUpAfterItsRoundsOnWhomNothingEnds) {
  world_.immortal = {40};
  KillRequest request;
  request.attempts = 2;
  const KillReport report = kill(request, {40});
  EXPECT_EQ(report.exit_code, 6);
  EXPECT_EQ(report.left_count, 1);
  EXPECT_EQ(logged(), "40 polite survived, 40 forced survived, 40 polite survived, 40 forced survived, ");
}

/// A machine on which somebody dies of what he was asked, at the N-th reading of the clock after the grace.
class LateDeath : public FailingPlatform {
 public:
  LateDeath(FakePlatform& world, std::int64_t pid, int at_call)
      : FailingPlatform(world, -1), world_(world), pid_(pid), at_call_(at_call) {}
  Wake wait_for_ends(const std::vector<ProcessHandle*>& handles, std::int64_t boot_us) override {
    asked_ = true;
    return FailingPlatform::wait_for_ends(handles, boot_us);
  }
  Clocks clocks() override {
    if (asked_ && ++calls_ == at_call_) world_.die(pid_, Signal::Terminate);
    return FailingPlatform::clocks();
  }
  bool was_early_enough() const { return calls_ >= at_call_; }

 private:
  FakePlatform& world_;
  std::int64_t pid_;
  int at_call_;
  bool asked_ = false;
  int calls_ = 0;
};

TEST_F(KillTest, LosesNoEndBetweenTwoAttempts) {
  for (const bool with_tree : {false, true}) {
    for (int at_call = 1; at_call < 100; ++at_call) {
      SCOPED_TRACE(at_call);
      for (const char* ending : {"", "-wal", "-shm"}) std::filesystem::remove(path_.string() + ending);
      FakePlatform world;
      world.start(1, 0, "init");
      world.who.key = world.start(30, 1, "galproc");
      world.start(40, 1, "web");
      world.deaf = {40};
      LateDeath platform(world, 40, at_call);
      KillRequest request = with_tree ? tree() : KillRequest{};
      request.grace_us = 50'000;
      EXPECT_EQ(kill(platform, request, {40}).exit_code, 0);
      if (!platform.was_early_enough()) break;
      const bool by_term = ask("SELECT coalesce(exit_signal, '?') FROM processes WHERE pid = 40") == "SIGTERM";
      const std::string log = logged();
      if (by_term) {
        EXPECT_TRUE(log == "40 polite exited, " || log == "40 polite exited, 40 forced already_gone, ") << log;
      } else {
        EXPECT_EQ(log, "40 polite survived, 40 forced exited, ");
      }
    }
  }
}

TEST_F(KillTest, EndsMoreThanItMayHaveOpenOneAfterTheOther) {
  for (std::int64_t pid = 50; pid < 60; ++pid) world_.start(pid, 40, "worker");
  world_.most_handles = 3;
  EXPECT_EQ(kill(tree(), {40}).exit_code, 0);
  EXPECT_EQ(world_.processes.size(), 2U);  // init and galproc
  EXPECT_EQ(logged().find("already_gone"), std::string::npos) << logged();
  EXPECT_EQ(sent().find("SIGSTOP"), std::string::npos) << "all heard it";
  KillRequest request;
  request.signal = Signal::Kill;
  std::vector<std::int64_t> pids;
  for (std::int64_t pid = 60; pid < 80; ++pid) world_.start(pids.emplace_back(pid), 1, "worker");
  EXPECT_EQ(kill(request, pids).exit_code, 0);
  EXPECT_EQ(world_.processes.size(), 2U);
}

TEST_F(KillTest, CallsOneGoneOfWhichNothingCouldBeReadBecauseItEnded) {
  for (const bool ended : {true, false}) {
    world_.start(45, 40, "brief");
    world_.processes.at(45).image.reset();
    class Ending : public FailingPlatform {
     public:
      Ending(FakePlatform& world, bool ended) : FailingPlatform(world, -1), world_(world), ended_(ended) {}
      OpenedProcess open_process(const ProcessKey& key) override {
        if (ended_) world_.end(45);
        return FailingPlatform::open_process(key);
      }

     private:
      FakePlatform& world_;
      bool ended_;
    };
    Ending platform(world_, ended);
    EXPECT_EQ(kill(platform, {}, {45}).exit_code, ended ? 0 : 4);
  }
  EXPECT_EQ(logged(), "45 polite already_gone, 45 polite refused, ");
  EXPECT_EQ(sent(), "");
}

TEST_F(KillTest, SaysOfWhomItCannotOpenThatItFailed) {
  world_.immortal = {40};
  world_.most_handles = 1;
  const KillReport report = kill(tree(), {40});
  EXPECT_EQ(report.exit_code, 6);
  EXPECT_EQ(report.left_count, 3);
  EXPECT_NE(logged().find("41 polite failed, 42 polite failed, "), std::string::npos) << logged();
  EXPECT_EQ(ask("SELECT error FROM attempt_outcome WHERE outcome = 'failed' LIMIT 1"), "Too many open files");
}

TEST_F(KillTest, HurtsNobodyWhoGotThePidMeanwhile) {
  world_.on_wake = [](int) { return true; };
  KillRequest request;
  request.selectors.pids = {40};
  KillLog log(world_, path_, redactor_);
  World world{world_.read_processes(), {}};
  Guard guard({}, {world_.caller(), {}, {}});
  guard.look_at(world.processes);
  Plan plan = make_plan(world, request, guard, {});
  world_.end(40);
  world_.start(40, 1, "innocent");
  Kill(world_, log, request, guard, std::move(plan), std::move(world.processes), world_.caller()).run();
  EXPECT_EQ(sent(), "");
  EXPECT_EQ(logged(), "40 polite identity_changed, ");
}

TEST_F(KillTest, TellsOfWhomItMayNotTouch) {
  world_.forbidden = {40};
  EXPECT_EQ(kill({}, {40}).exit_code, 4);
  EXPECT_EQ(logged(), "40 polite denied, ");
}

TEST_F(KillTest, LogsThatItFoundNobody) {
  EXPECT_EQ(kill({}, {999}).exit_code, 3);
  EXPECT_EQ(ask("SELECT outcome FROM actions"), "not_found");
}

TEST_F(KillTest, DoesNothingOnANetworkFileSystem) {
  world_.remote_disk = "nfs";
  try {
    kill({}, {40});
    FAIL() << "it was done";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::NotLogged);
    EXPECT_NE(std::string(error.what()).find("network file system (nfs)"), std::string::npos) << error.what();
  }
  EXPECT_EQ(sent(), "");
}

TEST_F(KillTest, LogsAgainInTheFileThatHasTheNameNow) {
  class Renamer : public FailingPlatform {
   public:
    Renamer(FakePlatform& world, std::filesystem::path path) : FailingPlatform(world, -1), path_(std::move(path)) {}
    std::optional<FileIdentity> file_identity(const std::filesystem::path& path) override {
      // When it is opened, before the first transaction, and after it.
      if (path == path_ && ++asked_ == 3) {
        for (const char* ending : {"", "-wal", "-shm"}) {
          std::filesystem::rename(path_.string() + ending, path_.string() + ".old" + ending);
        }
      }
      return FailingPlatform::file_identity(path);
    }

   private:
    std::filesystem::path path_;
    int asked_ = 0;
  };
  Renamer platform(world_, path_);
  world_.on_signal = [&](std::int64_t, Signal) { EXPECT_EQ(logged(), "40 polite ?, "); };
  EXPECT_EQ(kill(platform, {}, {40}).exit_code, 0);
  EXPECT_EQ(logged(), "40 polite exited, ");
  EXPECT_EQ(sent(), "40 SIGTERM, ");
}

TEST_F(KillTest, KeepsATrueLogWhicheverCallFails) {
  for (int fail_at = 1, variant = 0; fail_at < 1000; ++fail_at) {
    SCOPED_TRACE(fail_at);
    std::filesystem::remove(path_);
    for (const char* ending : {"-wal", "-shm"}) std::filesystem::remove(path_.string() + ending);
    FakePlatform world;
    world.start(1, 0, "init");
    world.who.key = world.start(30, 1, "galproc");
    world.start(40, 1, "web");
    world.start(41, 40, "worker");
    world.deaf = {40, 41};
    for (const std::int64_t pid : {40, 41}) {
      if (variant == 1) world.groups[pid] = {"/web", {40, 41}};
    }
    FailingPlatform platform(world, fail_at);
    try {
      KillRequest request = tree();
      request.grace_us = 100'000;
      if (variant == 2) request.attempts = 1;
      kill(platform, request, {40});
    } catch (const Error&) {
      // What matters is what the log says and whom it left.
    }
    for (const auto& [pid, process] : world.processes) EXPECT_NE(process.usage.state, ProcessState::Stopped) << pid;
    EXPECT_TRUE(world.frozen_groups.empty());
    if (!world.sent.empty()) {
      const std::string log = logged();
      for (const auto& [pid, signal] : world.sent) {
        EXPECT_NE(log.find(std::to_string(pid) + (signal == Signal::Terminate ? " polite" : " ")), std::string::npos)
            << log;
      }
      for (const std::int64_t pid : {40, 41}) {
        const bool said = log.find(std::to_string(pid) + " forced exited") != std::string::npos ||
                          log.find(std::to_string(pid) + " cgroup exited") != std::string::npos;
        EXPECT_FALSE(said && world.processes.contains(pid)) << log;
      }
    }
    if (platform.failed()) continue;
    if (++variant == 3) return;
    fail_at = 0;
  }
  FAIL() << "there was no end of calls";
}

}  // namespace
}  // namespace galproc
