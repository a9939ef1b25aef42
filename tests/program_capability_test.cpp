// A copy of galproc with the capabilities that `galproc doctor` advises, in the hands of somebody who is not root.

#include <sys/mount.h>
#include <sys/statvfs.h>

#include "support/child.h"
#include "support/nobody.h"
#include "support/puppet.h"

namespace galproc {
namespace {

constexpr uid_t kSomebodyElse = 65533;

class ProgramCapability : public NobodyTest {
 protected:
  enum class Tracefs { Mounted, Nowhere };

  void SetUp() override {
    if (!is_root()) GTEST_SKIP() << "only root can give capabilities";
    const std::string setcap = find_setcap();
    if (setcap.empty()) GTEST_SKIP() << "there is no setcap (Debian: libcap2-bin)";
    struct statvfs disk {};
    if (::statvfs(folder_.path().c_str(), &disk) != 0 || (disk.f_flag & ST_NOSUID) != 0) {
      GTEST_SKIP() << folder_.path() << " lies on a file system that is mounted with nosuid";
    }
    const Ran roots = galproc(
        {"record", "--db", roots_db().string(), "--samples", "1", "--process-source", "bpf", "--event-source", "bpf"});
    if (roots.exit_code != 0) GTEST_SKIP() << "root cannot have BPF here: " << roots.err;
    const std::string advised = capabilities_that_doctor_advises();
    ASSERT_NE(advised, "");
    const Ran given = run({setcap, advised, program_.string()});
    if (given.exit_code != 0) GTEST_SKIP() << "no capabilities on this file system: " << given.err;
    ::chmod(nobodys_.c_str(), 0755);
  }

  static std::string find_setcap() {
    for (const char* folder : {"/usr/sbin/", "/sbin/", "/usr/bin/"}) {
      if (fs::exists(std::string(folder) + "setcap")) return std::string(folder) + "setcap";
    }
    return "";
  }
  /// What stands between `setcap ` and ` FILE`.
  std::string capabilities_that_doctor_advises() const {
    const Ran doctor = as_nobody({"doctor", "--json", "-q"});
    for (const Json& row : Json::parse(doctor.out, nullptr, false)) {
      if (row["check"] != "capabilities") continue;
      const std::string advice = row["advice"].dump(), begin = "setcap ";
      const std::size_t at = advice.find(begin);
      if (at == std::string::npos) return "";
      return advice.substr(at + begin.size(), advice.find(" FILE") - at - begin.size());
    }
    return "";
  }

  /// In a mount namespace of its own, so that this does not depend on what the machine has mounted.
  static void arrange(Tracefs tracefs) {
    constexpr const char* kPlace = "/sys/kernel/tracing";
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) ::_exit(125);
    ::umount2("/sys/kernel/debug", MNT_DETACH);
    while (::umount2(kPlace, MNT_DETACH) == 0) {
    }
    if (tracefs == Tracefs::Mounted && ::mount("tracefs", kPlace, "tracefs", 0, nullptr) != 0) ::_exit(125);
  }
  Options capable(Tracefs tracefs = Tracefs::Mounted) const {
    Options options;
    options.before_exec = [tracefs] {
      arrange(tracefs);
      become(kNobody, kNobody);
    };
    return options;
  }
  Words words(Words rest) const {
    rest.insert(rest.begin(), program_.string());
    rest.insert(rest.begin() + 2, {"--db", his_db().string()});
    return rest;
  }
  fs::path roots_db() const { return folder_ / "roots.db"; }
  fs::path his_db() const { return nobodys_ / "galproc.db"; }
  std::string ask(const std::string& sql) const { return galproc::ask(his_db(), sql); }

  /// A recorder of his that has stored its first tick; it takes nothing but BPF.
  Program record_all(Tracefs tracefs = Tracefs::Mounted) const {
    Program recorder = start(
        words({"record", "--interval", "100ms", "--process-source", "bpf", "--event-source", "bpf"}), capable(tracefs));
    EXPECT_TRUE(wait_until([&] { return recorder.has_ended() || ticks() > 0; }));
    EXPECT_FALSE(recorder.has_ended()) << recorder.err();
    return recorder;
  }
  std::int64_t ticks() const {
    try {
      return fs::exists(his_db()) ? std::atoll(ask("SELECT count(*) FROM ticks").c_str()) : 0;
    } catch (const SQLite::Exception&) {
      return 0;  // the file is being made
    }
  }
};

/// A kill by somebody who may not; his pid, or -1 where it did not fail.
pid_t kill_in_vain(pid_t target) {
  const pid_t killer = ::fork();
  if (killer == 0) {
    become(kSomebodyElse, kSomebodyElse);
    ::_exit(::kill(target, SIGTERM) == -1 && errno == EPERM ? 0 : 1);
  }
  int status = -1;
  return ::waitpid(killer, &status, 0) == killer && status == 0 ? killer : -1;
}

TEST_F(ProgramCapability, SeesOthersProcessesPortsAndSignalsAsRootDoes) {
  Puppet others, target;
  const int port = others.listen();
  Program recorder = record_all();
  const pid_t in_vain = kill_in_vain(target.pid());
  ASSERT_GT(in_vain, 0);
  const pid_t target_pid = target.pid();
  target.end(SIGTERM);
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();

  EXPECT_EQ(ask("SELECT process_source, socket_source, event_source, process_source_reason, socket_source_reason,"
                " event_source_reason, limits, uid FROM recordings"),
            fmt::format("bpf|bpf|bpf|NULL|NULL|NULL|NULL|{}\n", kNobody))
      << recorder.err();
  EXPECT_EQ(recorder.err().find("Not root"), std::string::npos) << recorder.err();
  EXPECT_EQ(ask(fmt::format("SELECT sender_pid, outcome FROM termination_attempts WHERE target_pid = {}"
                            " AND signal = 'SIGTERM' ORDER BY signal_id",
                            target_pid)),
            fmt::format("{}|denied\n{}|exited\n", in_vain, ::getpid()));
  EXPECT_EQ(ask(fmt::format("SELECT pid FROM port_bindings WHERE port = {} AND protocol = 'tcp'", port)),
            fmt::format("{}\n", others.pid()));
  EXPECT_EQ(ask(fmt::format("SELECT executable LIKE '%program_capability_test', user FROM processes WHERE pid = {}",
                            others.pid())),
            "1|root\n");
  const std::string denied = "SELECT DISTINCT collector, operation, error_code FROM collection_error ORDER BY 1, 2, 3";
  EXPECT_EQ(ask(denied), galproc::ask(roots_db(), denied)) << "some machines hide a process from root, too";
}

TEST_F(ProgramCapability, DoctorFindsNothingAmissBesideThatRecorder) {
  Program recorder = record_all();
  const Ran doctor = run(words({"doctor", "--json", "-q"}), capable());
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
  for (const Json& row : Json::parse(doctor.out, nullptr, false)) EXPECT_EQ(row["state"], "ok") << row;
  EXPECT_EQ(doctor.exit_code, 0) << doctor.out;
}

TEST_F(ProgramCapability, WhereNoTracefsIsMountedSaysThatFailedCallsAreNotSeenAndWhatToDo) {
  Program recorder = record_all(Tracefs::Nowhere);
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
  const std::string said =
      "Signals that could not be sent are not seen: tracefs is not mounted (mount -t tracefs tracefs "
      "/sys/kernel/tracing).";
  EXPECT_NE(recorder.err().find(said), std::string::npos) << recorder.err();
  EXPECT_EQ(ask("SELECT event_source, limits FROM recordings"), "bpf|" + said + "\n");
}

TEST_F(ProgramCapability, EndsAnothersProcessWhenItsUserIsNamedAndLogsIt) {
  Puppet others;
  const std::string pid = std::to_string(others.pid());
  const Ran refused = run(words({"kill", pid}), capable());
  EXPECT_EQ(refused.exit_code, 4) << refused.err;
  const Ran ended = run(words({"kill", pid, "--user", "root"}), capable());
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(ask("SELECT outcome FROM termination_attempts WHERE source = 'galproc' ORDER BY attempt_id"),
            "refused\nexited\n");
}

}  // namespace
}  // namespace galproc
