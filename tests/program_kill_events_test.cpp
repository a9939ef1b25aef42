// Kills of trees that a recorder has watched by events since they began: no look has to have seen who created whom.

#include "support/control_group.h"
#include "support/family.h"
#include "support/proc.h"

namespace galproc {
namespace {

/// By each source of events.
class ProgramKillEvents : public ProgramTest, public testing::WithParamInterface<const char*> {
 protected:
  /// Records with looks so far apart that only events can tell; none, with the reason, where the kernel gives none.
  std::optional<Program> watch() {
    const Words words = {"--interval", "1h", "--event-source", GetParam()};
    Words first = {"record", "--db", (folder_ / "try.db").string(), "--samples", "1"};
    first.insert(first.end(), words.begin(), words.end());
    const Ran ran = galproc(first);
    if (ran.exit_code != 0) {
      why_not_ = ran.err;
      return std::nullopt;
    }
    return record(words);
  }
  std::string why_not_;
  /// Three chains of processes of which each begins the next, forked twice and in a session of its own, deaf to TERM,
  /// and ends soon after: of nobody who is left does the first one's process table tell anything. Over by itself in 20
  /// seconds.
  Program chains(const std::string& word) const {
    const fs::path script = folder_ / "chain.sh";
    std::ofstream(script) << "trap '' TERM\n"
                             "next() { (CHAIN=1 setsid /bin/sh \"$0\" $1 $2 &); }\n"
                             "[ $(date +%s) -ge $2 ] && exit\n"
                             "if [ -n \"$CHAIN\" ]; then sleep 0.03; next $1 $2; sleep 0.05; exit; fi\n"
                             "next $1 $2; next $1 $2; next $1 $2; sleep 20\n";
    return start({"/bin/sh", script.string(), word, std::to_string(now_us() / 1'000'000 + 20)},
                 {{}, [this] { bound_.enter(); }});
  }
  /// Stops the recorder, which goes on where that found it in the midst of a write: nothing could be logged then.
  bool stop_between_writes(const Program& recorder) const {
    ::kill(recorder.pid(), SIGSTOP);
    if (!wait_until_state(recorder.pid(), 'T')) return false;
    try {
      SQLite::Database database(db().string(), SQLite::OPEN_READWRITE, 100);
      database.exec("BEGIN IMMEDIATE; ROLLBACK");
      return true;
    } catch (const SQLite::Exception&) {
      ::kill(recorder.pid(), SIGCONT);
      return false;
    }
  }
  const BoundedGroup bound_{200};  ///< what goes wrong stays in there
};

TEST_P(ProgramKillEvents, OfWhoForksTwiceAllTheTimeLeaveNobodyTenTimesOfTen) {
  auto recorder = watch();
  if (!recorder) GTEST_SKIP() << why_not_;
  for (int round = 1; round <= 10; ++round) {
    const Family family;
    Program top = chains(family.word());
    ASSERT_TRUE(family.grows_to(4));
    ::usleep(200'000);  // whoever the first one forked itself is gone
    const Ran ran = galproc({"kill", "--db", db().string(), std::to_string(top.pid()), "--tree", "--grace", "100ms"});
    EXPECT_EQ(ran.exit_code, 0) << "round " << round << ": " << ran.err;
    EXPECT_EQ(family.members().size(), 0U) << "round " << round << ": " << ran.err;
  }
  EXPECT_NE(ask("SELECT count(*) FROM attempt WHERE why = 'ancestry'"), "0\n");
  EXPECT_EQ(recorder->stop(), 0) << recorder->err();
}

TEST_P(ProgramKillEvents, BesideARecorderThatStandsStillSayUpToWhenBirthsAreKnown) {
  auto recorder = watch();
  if (!recorder) GTEST_SKIP() << why_not_;
  const Family family;
  Program top = start({"/bin/sh", "-c", "sleep $1 & sleep $1; :", "sh", family.word()});
  ASSERT_TRUE(family.grows_to(3));
  ASSERT_TRUE(wait_until([&] { return stop_between_writes(*recorder); }));
  const Ran ran = galproc({"kill", "--db", db().string(), std::to_string(top.pid()), "--tree"});
  ::kill(recorder->pid(), SIGCONT);
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NE(ran.err.find("The recorder had stored births up to "), std::string::npos) << ran.err;
  EXPECT_EQ(recorder->stop(), 0) << recorder->err();
}

INSTANTIATE_TEST_SUITE_P(Sources, ProgramKillEvents, testing::Values("bpf", "netlink"),
                         [](const auto& source) { return std::string(source.param); });

}  // namespace
}  // namespace galproc
