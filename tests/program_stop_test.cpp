// How a recording ends: by request, by its own limits, and without anyone left to talk to.

#include <fstream>

#include "support/program.h"
#include "support/puppet.h"

namespace galproc {
namespace {

class ProgramStop : public ProgramTest {
 protected:
  Ran record_to_its_end(const Words& limit) const {
    Words words = {"record", "--db", db().string()};
    words.insert(words.end(), limit.begin(), limit.end());
    return galproc(words);
  }
};

TEST_F(ProgramStop, ByEachSignalIsALastTickAnEndAndExitCode0) {
  for (const int signal : {SIGTERM, SIGINT, SIGQUIT, SIGHUP}) {
    SCOPED_TRACE(strsignal(signal));
    const std::int64_t before = last_tick();
    Program recorder = record({"--interval", "1h"});  // the sleep ends at once
    Puppet seen_by_the_last_tick;
    EXPECT_EQ(recorder.stop(signal), 0) << recorder.err();
    EXPECT_EQ(recorder.out(), "");
    EXPECT_NE(recorder.err().find("Stopped after 2 ticks."), std::string::npos) << recorder.err();
    EXPECT_EQ(last_tick(), before + 2);
    EXPECT_EQ(ask("SELECT end_reason, ended_us IS NOT NULL FROM recordings ORDER BY recording_id DESC LIMIT 1"),
              "stopped|1\n");
    EXPECT_EQ(
        ask(fmt::format("SELECT name FROM processes WHERE pid = {} AND ended_us IS NULL", seen_by_the_last_tick.pid())),
        "program_stop_test\n");
  }
  EXPECT_EQ(ask("SELECT DISTINCT kind FROM gaps"), "stopped\n");
}

TEST_F(ProgramStop, IsHeededBeforeTheFirstTickTooOrEndsTheProgramAsTheSignalDoes) {
  for (int round = 0; round < 10; ++round) {
    Program recorder = start({galproc_binary(), "record", "--db", db().string(), "--interval", "1h"});
    std::this_thread::sleep_for(std::chrono::milliseconds(5 * round));  // any moment is right
    const int exit_code = recorder.stop();
    EXPECT_TRUE(exit_code == 0 || exit_code == 128 + SIGTERM) << exit_code << recorder.err();
  }
  snapshot();
  EXPECT_EQ(ask("PRAGMA integrity_check"), "ok\n");
}

TEST_F(ProgramStop, AfterOneSampleIsOneCompleteSnapshot) {
  Puppet puppet;
  const int port = puppet.listen();
  // Without events: one that tells of an end may come before a look that meets its process half-way through it.
  const Ran ran = record_to_its_end({"--samples", "1", "--event-source", "none"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ask("SELECT tick_id, is_keyframe, process_count > 1 FROM ticks"), "1|1|1\n");
  // Whoever had ended already has a sample too, and an end.
  EXPECT_EQ(ask("SELECT count(*) - (SELECT count(*) FROM process_exit) = (SELECT process_count FROM ticks)"
                " FROM process_samples"),
            "1\n");
  EXPECT_EQ(ask(fmt::format("SELECT pid FROM port_bindings WHERE port = {} AND protocol = 'tcp'", port)),
            fmt::format("{}\n", puppet.pid()));
  EXPECT_EQ(ask("SELECT count(*) FROM system_samples"), "1\n");
  EXPECT_EQ(ask("SELECT interval_us, end_reason FROM recordings"), "5000000|stopped\n");
}

TEST_F(ProgramStop, AfterAsManySamplesOrAfterTheDurationThatWasAskedFor) {
  EXPECT_EQ(record_to_its_end({"--samples", "3", "--interval", "20ms"}).exit_code, 0);
  EXPECT_EQ(ask("SELECT count(*) FROM ticks"), "3\n");
  EXPECT_EQ(record_to_its_end({"--duration", "300ms", "--interval", "1h"}).exit_code, 0);
  EXPECT_EQ(ask("SELECT count(*), max(boot_us - duration_us) - min(boot_us - duration_us) >= 290000 FROM ticks WHERE "
                "recording_id = 2"),
            "2|1\n");
  const Ran both = record_to_its_end({"--duration", "1s", "--samples", "3"});
  EXPECT_EQ(both.exit_code, 2) << both.err;
}

TEST_F(ProgramStop, TheFirstLineNamesTheDatabaseTheIntervalAndTheSources) {
  const Ran ran = record_to_its_end(
      {"--samples", "1", "--interval", "250ms", "--process-source", "proc", "--event-source", "none"});
  const std::string first = ran.err.substr(0, ran.err.find('\n'));
  for (const std::string& part :
       {db().string(), std::string("250"), std::string("processes: proc"), std::string("events: none")}) {
    EXPECT_NE(first.find(part), std::string::npos) << part << " is not in " << first;
  }
  const Ran quiet = record_to_its_end({"--samples", "1", "-q"});
  EXPECT_EQ(quiet.exit_code, 0);
  EXPECT_EQ(quiet.err, "");
}

TEST_F(ProgramStop, NobodyWhoListensIsNoReasonToStop) {
  // A closed descriptor 2 may become the next file's, and what is said must not go there.
  Program closed = record({}, {{}, [] { ::close(STDERR_FILENO); }});
  settle();
  EXPECT_EQ(closed.stop(), 0);
  EXPECT_EQ(ask("PRAGMA integrity_check"), "ok\n");
  std::ifstream lock(db().string() + ".recorder-lock");
  const std::string noted{std::istreambuf_iterator<char>(lock), {}};
  EXPECT_EQ(noted.find_first_not_of("0123456789: \n"), std::string::npos) << noted;

  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  ::close(ends[0]);
  Program unheard = record({}, {{}, [&] { ::dup2(ends[1], STDERR_FILENO); }});
  ::close(ends[1]);
  settle();
  EXPECT_EQ(unheard.stop(), 0);
  EXPECT_EQ(ask("SELECT count(*) FROM recordings WHERE end_reason = 'stopped'"), "2\n");
}

}  // namespace
}  // namespace galproc
