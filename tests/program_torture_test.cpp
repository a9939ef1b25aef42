// Recorders and kills that are ended by SIGKILL at any moment, again and again on one file: the file stays sound,
// whatever they had acknowledged is in it, and no signal went out that is not.

#include <random>

#include "support/program.h"

namespace galproc {
namespace {

/// Few in a run of all tests; GALPROC_TORTURE_ROUNDS asks for more.
int rounds() {
  constexpr int kFew = 12;
  const char* asked = std::getenv("GALPROC_TORTURE_ROUNDS");
  return asked != nullptr ? std::max(1, std::atoi(asked)) : kFew;
}

/// Another course each time, which the same number repeats as far as a machine allows.
unsigned seed() {
  const char* asked = std::getenv("GALPROC_TORTURE_SEED");
  return asked != nullptr ? static_cast<unsigned>(std::strtoul(asked, nullptr, 10)) : std::random_device{}();
}

class ProgramTorture : public ProgramTest {
 protected:
  void wait_up_to(int ms) {
    std::this_thread::sleep_for(std::chrono::microseconds(std::uniform_int_distribution<int>(0, ms * 1000)(random_)));
  }
  std::int64_t number(const std::string& sql) const { return std::atoll(ask(sql).c_str()); }

  /// A recorder, a victim, and a kill of it; all three are over when it returns.
  void run_round() {
    const std::int64_t last_before = last_tick();
    Words words = {GALPROC_BINARY, "record", "--db", db().string(), "--interval", "20ms"};
    // Without the kernel's programs, which take a second to load, it is among its ticks soon.
    if (random_() % 4 != 0) words.insert(words.end(), {"--process-source", "proc", "--event-source", "none"});
    Program recorder = start(words);
    wait_up_to(150);
    Program victim = start({"/bin/sleep", "1000"});
    const std::string pid = std::to_string(victim.pid());
    Program killer = start({GALPROC_BINARY, "kill", "--db", db().string(), "--grace", "100ms", pid});
    wait_up_to(60);
    if (random_() % 4 == 0) killer.wait();
    const bool was_done = killer.has_ended();
    const int exit_code = was_done ? killer.wait() : -1;
    killer.kill();
    // A reader has seen these.
    const std::int64_t last_seen = last_tick();
    recorder.kill();
    // What was sent is heard by now, or it does not count as proof of anything.
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const bool has_died = victim.has_ended();

    const std::string whom = " WHERE target_pid = " + pid;
    if (has_died || was_done) {
      ASSERT_EQ(number("SELECT count(*) > 0 FROM attempt" + whom), 1) << "a signal without an intent; " << killer.err();
    }
    if (was_done) {
      EXPECT_EQ(exit_code, 0) << killer.err();
      EXPECT_EQ(ask("SELECT outcome FROM attempt JOIN attempt_outcome USING (attempt_id)" + whom), "exited\n");
      ++done_;
    }
    EXPECT_GE(last_tick(), std::max(last_seen, last_before));
    const Ran check = galproc({"db", "check", "--db", db().string(), "--json", "-q"});
    ASSERT_EQ(check.exit_code, 0) << check.out << check.err;
  }

  std::mt19937 random_;
  int done_ = 0;
};

TEST_F(ProgramTorture, OfRecordersAndKillsLosesNothingThatWasAcknowledged) {
  const unsigned course = seed();
  random_.seed(course);
  snapshot();
  std::int64_t ticks = 0, attempts = 0;
  for (int round = 0; round < rounds() && !HasFailure(); ++round) {
    SCOPED_TRACE(fmt::format("round {} of GALPROC_TORTURE_SEED={}", round, course));
    run_round();
    // Nothing that was there goes away again.
    const std::int64_t ticks_now = number("SELECT count(*) FROM tick");
    const std::int64_t attempts_now = number("SELECT count(*) FROM attempt");
    EXPECT_GE(ticks_now, ticks);
    EXPECT_GE(attempts_now, attempts);
    ticks = ticks_now;
    attempts = attempts_now;
  }
  const Ran verify = galproc({"db", "verify", "--db", db().string()});
  EXPECT_EQ(verify.exit_code, 0) << verify.err;
  // The next recorder goes on with the file as if nothing had been.
  EXPECT_EQ(record().stop(), 0);
  EXPECT_EQ(number("SELECT count(*) FROM recording AS r WHERE NOT EXISTS (SELECT 1 FROM recording_end AS e"
                   " WHERE e.recording_id = r.recording_id)"),
            0);
  fmt::print("{} rounds: {} ticks, {} attempts, {} of the kills ran to their end\n", rounds(), ticks, attempts, done_);
}

}  // namespace
}  // namespace galproc
