// Starting a service on a scripted machine with a real log: what is done in which order, and what is not.

#include "action/service_start.h"

#include <gtest/gtest.h>

#include "model/own_arguments.h"
#include "store/ledger.h"
#include "support/fake_platform.h"
#include "support/temporary_folder.h"

namespace galproc {
namespace {

class ServiceStartTest : public testing::Test {
 protected:
  ServiceStartTest() { fill(world_); }

  static void fill(FakePlatform& world) {
    world.start(1, 0, "init");
    world.who.key = world.start(30, 1, "galproc");
    world.who.arguments = {"gp", "start", "--env", "A=zebra", "--", "sh"};
  }
  ServiceRequest request() const {
    ServiceRequest request;
    request.name = "web";
    request.command.words = {"sh", "-c", "serve"};
    request.command.working_directory = "/";
    request.command.inherited_environment = {"PATH=/usr/bin:/bin", "GALPROC_SERVICE=outer#1"};
    request.command.environment = {"A=zebra"};
    request.log_path = folder_ / "web.log";
    return request;
  }
  ServiceReport start(Platform& platform, ServiceRequest request) {
    return ServiceStart(platform, path_, redactor_, std::move(request)).run();
  }
  ExitCode refusal(Platform& platform, ServiceRequest request) {
    try {
      start(platform, std::move(request));
    } catch (const Error& error) {
      return error.code();
    }
    return ExitCode::Done;
  }
  std::string ask(const std::string& sql) {
    SQLite::Database database(path_.string(), SQLite::OPEN_READONLY);
    EXPECT_EQ(verify_ledger(database).problem, "");
    return database.execAndGet(sql).getString();
  }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "galproc.db";
  Redactor redactor_;
  FakePlatform world_;
};

TEST_F(ServiceStartTest, LogsItBeforeItRuns) {
  bool checked = false;
  world_.on_release = [&](std::int64_t pid) {
    EXPECT_EQ(ask("SELECT count(*) FROM actions WHERE verb = 'start' AND outcome IS NULL"), "1");
    EXPECT_EQ(ask("SELECT pid || service FROM services"), std::to_string(pid) + "web");
    checked = true;
  };
  const ServiceReport report = start(world_, request());
  EXPECT_TRUE(checked);
  EXPECT_EQ(report.exit_code, 0);
  EXPECT_EQ(report.name, "sh");
  EXPECT_EQ(ask("SELECT outcome || exit_code FROM actions"), "done0");
  EXPECT_EQ(ask("SELECT command_line FROM processes WHERE pid = 500"), "sh -c serve");
  EXPECT_EQ(ask("SELECT parent_pid FROM processes WHERE pid = 500"), "30");
  EXPECT_EQ(ask("SELECT command_line FROM actions"), "gp start --env 'A=[redacted]' -- sh");
  EXPECT_EQ(world_.made_groups.size(), 1U);
  EXPECT_EQ(ask("SELECT cgroup FROM services"), *world_.made_groups.begin());
}

TEST_F(ServiceStartTest, HoldsRootToALimitOfProcessesByItsControlGroupOrSaysThatItDoesNot) {
  ServiceRequest limited = request();
  limited.user_processes = 7;
  EXPECT_EQ(start(world_, limited).warnings.size(), 0U);
  EXPECT_EQ(world_.group_limits, (std::map<std::string, std::int64_t>{{*world_.made_groups.begin(), 7}}));
  limited.name = "other";
  world_.has_group_limits = false;
  const ServiceReport report = start(world_, limited);
  ASSERT_EQ(report.warnings.size(), 1U);
  EXPECT_NE(report.warnings[0].find("does not hold other"), std::string::npos) << report.warnings[0];
  limited.name = "third";
  world_.who.user_id = 1000;
  EXPECT_EQ(start(world_, limited).warnings.size(), 0U);
  EXPECT_EQ(world_.spawned.back().user_processes, 7);
}

TEST_F(ServiceStartTest, MarksItWithItsOwnNameAlone) {
  start(world_, request());
  std::string markers;
  for (const std::string& variable : world_.spawned.at(0).environment) {
    if (variable.starts_with("GALPROC_SERVICE=")) markers += variable + " ";
  }
  EXPECT_EQ(markers, "GALPROC_SERVICE=" + ask("SELECT marker FROM services") + " ");
  EXPECT_EQ(markers.size(), std::string("GALPROC_SERVICE=web#0123456789abcdef ").size());
}

TEST_F(ServiceStartTest, StartsNothingWhereItCannotBeLogged) {
  world_.remote_disk = "nfs";
  EXPECT_EQ(refusal(world_, request()), ExitCode::NotLogged);
  EXPECT_TRUE(world_.spawned.empty());
}

TEST_F(ServiceStartTest, ReleasesNothingWhereTheFileWasReplaced) {
  class Replacer : public FailingPlatform {
   public:
    explicit Replacer(FakePlatform& world) : FailingPlatform(world, -1), world_(world) {}
    std::optional<FileIdentity> file_identity(const std::filesystem::path& path) override {
      auto identity = FailingPlatform::file_identity(path);
      if (identity && world_.processes.contains(500)) identity->inode += 1;  // once there is what was started
      return identity;
    }

   private:
    FakePlatform& world_;
  };
  Replacer platform(world_);
  EXPECT_EQ(refusal(platform, request()), ExitCode::NotLogged);
  EXPECT_TRUE(world_.released.empty());
  EXPECT_FALSE(world_.processes.contains(500));
  EXPECT_TRUE(world_.made_groups.empty());
}

TEST_F(ServiceStartTest, LogsThatTheProgramCannotBeRun) {
  world_.exec_error = "It cannot be run.";
  EXPECT_EQ(refusal(world_, request()), ExitCode::Failed);
  EXPECT_EQ(ask("SELECT outcome FROM actions"), "failed");
  EXPECT_EQ(ask("SELECT state FROM services"), "ended");
  EXPECT_TRUE(world_.made_groups.empty());
}

TEST_F(ServiceStartTest, RefusesANameWhoseDescendantsStillRun) {
  start(world_, request());
  ProcessReading child = world_.processes.at(500);
  world_.start(600, 1, "child");
  auto image = std::make_shared<ProcessImage>(*world_.processes.at(600).image);
  image->service_marker = child.image->service_marker;
  world_.processes.at(600).image = image;
  world_.end(500);
  EXPECT_EQ(refusal(world_, request()), ExitCode::Failed);
  EXPECT_EQ(world_.released.size(), 1U);
  world_.end(600);
  EXPECT_EQ(start(world_, request()).exit_code, 0);
}

TEST_F(ServiceStartTest, WaitsForThePortOfADescendant) {
  world_.on_wake = [&](int wakes) {
    if (wakes == 10) world_.start(700, 500, "worker");
    if (wakes == 20) world_.listen(700, 8080);
    return true;
  };
  world_.start(800, 1, "other");
  world_.listen(800, 9090);
  ServiceRequest wanted = request();
  wanted.wait_port = 8080;
  const ServiceReport report = start(world_, wanted);
  EXPECT_EQ(report.exit_code, 0);
  ASSERT_EQ(report.sockets.size(), 1U);
  EXPECT_FALSE(report.sockets[0].is_loopback);
  EXPECT_GT(report.time_to_port_us.value_or(0), 0);

  wanted.name = "late";
  wanted.wait_port = 9090;  // another's
  const ServiceReport late = start(world_, wanted);
  EXPECT_EQ(late.exit_code, 1);
  EXPECT_NE(late.problems.at(0).find("which pid 800 holds"), std::string::npos) << late.problems[0];
}

TEST_F(ServiceStartTest, KeepsATrueLogWhicheverCallFails) {
  for (int fail_at = 1; fail_at < 200; ++fail_at) {
    SCOPED_TRACE(fail_at);
    for (const char* ending : {"", "-wal", "-shm"}) std::filesystem::remove(path_.string() + ending);
    FakePlatform world;
    fill(world);
    FailingPlatform platform(world, fail_at);
    const ExitCode code = refusal(platform, request());
    if (!world.released.empty()) {
      EXPECT_EQ(ask("SELECT count(*) FROM services WHERE pid = 500"), "1");
    }
    EXPECT_EQ(world.processes.contains(500), !world.released.empty());
    if (code != ExitCode::Done && !world.spawned.empty()) {
      EXPECT_EQ(ask("SELECT outcome FROM actions"), "failed");
    }
    if (!platform.failed()) return;
  }
  FAIL() << "there was no end of calls";
}

TEST(OwnArguments, HideValuesOfVariablesAndNothingElse) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(without_env_values(
                {"sudo", "/usr/bin/galproc", "start", "--env", "A=b=c", "--env=D=e", "--", "x", "--env", "F=g"}),
            (Words{"sudo", "/usr/bin/galproc", "start", "--env", "A=[redacted]", "--env=D=[redacted]", "--", "x",
                   "--env", "F=g"}));
  EXPECT_EQ(without_env_values({"docker", "start", "--env", "A=b"}), (Words{"docker", "start", "--env", "A=b"}));
  EXPECT_EQ(without_env_values({}), Words{});
  EXPECT_EQ(without_env_values({"galproc", "start", "--env"}), (Words{"galproc", "start", "--env"}));
}

}  // namespace
}  // namespace galproc
