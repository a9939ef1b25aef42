// Where the kernel's events may not be read.

#include "support/nobody.h"
#include "support/puppet.h"

namespace galproc {
namespace {

class ProgramEventSource : public NobodyTest {
 protected:
  void SetUp() override {
    const Ran ran = as_nobody({"record", "--db", file_.string(), "--event-source", "bpf", "--samples", "1"});
    if (ran.err.find("not built into") != std::string::npos) GTEST_SKIP() << ran.err;
    if (ran.exit_code == 0) GTEST_SKIP() << "this user may read them: " << ran.err;
    refused_ = ran;
    EXPECT_EQ(galproc::fs::exists(file_), false);
  }
  fs::path file_ = nobodys_ / "galproc.db";
  Ran refused_;
};

TEST_F(ProgramEventSource, WithoutCapabilitiesTheOneThatIsAskedForIsRefusedWithTheReason) {
  EXPECT_EQ(refused_.exit_code, 4);
  EXPECT_EQ(refused_.out, "");
  EXPECT_NE(refused_.err.find("--event-source bpf"), std::string::npos) << refused_.err;
  EXPECT_NE(refused_.err.find("CAP_BPF"), std::string::npos) << refused_.err;
  EXPECT_EQ(refused_.err.find("Recording to"), std::string::npos) << refused_.err;
}

TEST_F(ProgramEventSource, WithoutCapabilitiesItRecordsByWhatThereIsAndSaysWhy) {
  Puppet puppet;
  if (is_root()) {
    ASSERT_EQ(puppet.become(kNobody), 0);
  }
  const Ran ran = as_nobody({"record", "--db", file_.string(), "--samples", "2", "--interval", "50ms"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  const std::string first = ran.err.substr(0, ran.err.find('\n'));
  const std::string source = galproc::ask(file_, "SELECT event_source FROM recordings");
  EXPECT_TRUE(source == "netlink\n" || source == "none\n") << source;
  EXPECT_NE(first.find("events: " + source.substr(0, source.size() - 1)), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("Events are not read from bpf: "), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("CAP_BPF and CAP_PERFMON"), std::string::npos) << ran.err;
  // By netlink: what it cannot tell. By none: why that one is not there either.
  EXPECT_NE(
      ran.err.find(source == "none\n" ? "Events are not read from netlink: " : "Events by netlink tell of no signal"),
      std::string::npos)
      << ran.err;
  EXPECT_EQ(galproc::ask(file_,
                         "SELECT event_source_reason LIKE 'bpf: % CAP_BPF and CAP_PERFMON%',"
                         " process_source_reason LIKE 'bpf: %', limits LIKE 'Not root: %' FROM recordings"),
            "1|1|1\n");
  const Ran doctor = as_nobody({"doctor", "--db", file_.string(), "-q"});
  EXPECT_NE(doctor.out.find(source.substr(0, source.size() - 1) + ", not bpf: "), std::string::npos) << doctor.out;
  EXPECT_NE(doctor.out.find("recorded_limits"), std::string::npos) << doctor.out;
  EXPECT_EQ(galproc::ask(file_, "SELECT count(*) FROM ticks"), "2\n");
  EXPECT_EQ(galproc::ask(file_, fmt::format("SELECT count(*) FROM processes WHERE pid = {}", puppet.pid())), "1\n");
}

TEST_F(ProgramEventSource, NoneIsTakenWhereNoneIsAskedFor) {
  const Ran ran = as_nobody({"record", "--db", file_.string(), "--event-source", "none", "--samples", "1"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NE(ran.err.find("events: none"), std::string::npos) << ran.err;
  EXPECT_EQ(ran.err.find("Events are not read"), std::string::npos) << ran.err;
}

}  // namespace
}  // namespace galproc
