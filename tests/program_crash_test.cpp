// Recorders, and kills through the log, are killed again and again while the world changes, always on the same file.
// Whatever moment it was, what is committed is whole, the next run goes on, and the hole is told.

#include "support/program.h"
#include "support/puppet.h"
#include "support/torture.h"

namespace galproc {
namespace {

// On a slow or busy machine fewer rounds have to do.
constexpr int kRounds = 50, kFewestRounds = 10;
constexpr std::chrono::seconds kLongest{15};
constexpr int kNewFiles = 20, kFewestNewFiles = 5;
constexpr std::chrono::seconds kLongestOfNewFiles{5};

/// Each gives one row of what is wrong, and none in a whole file.
const std::vector<std::pair<const char*, const char*>> kFaults = {
    {"the file is damaged", "SELECT * FROM pragma_integrity_check WHERE integrity_check <> 'ok'"},
    {"a foreign key points nowhere", "SELECT * FROM pragma_foreign_key_check"},
    {"a sample without its tick",
     "SELECT s.* FROM process_sample AS s LEFT JOIN tick AS t USING (tick_id) WHERE t.tick_id IS NULL"},
    {"a sample without its process",
     "SELECT s.* FROM process_sample AS s LEFT JOIN process AS p USING (upid) WHERE p.upid IS NULL"},
    {"a tick without the machine's own figures",
     "SELECT t.tick_id FROM tick AS t LEFT JOIN system_sample AS s USING (tick_id) WHERE s.tick_id IS NULL"},
    {"a keyframe that does not hold all the living",
     "SELECT t.tick_id, t.process_count, count(s.upid) FROM tick AS t LEFT JOIN process_sample AS s ON s.tick_id = "
     "t.tick_id"
     " AND NOT EXISTS (SELECT 1 FROM process_exit AS x WHERE x.upid = s.upid AND x.tick_id <= t.tick_id)"
     " WHERE t.keyframe_tick_id = t.tick_id GROUP BY t.tick_id HAVING count(s.upid) IS NOT t.process_count"},
    {"a previous tick that is not the one before in its recording",
     "SELECT tick_id FROM (SELECT tick_id, previous_tick_id, lag(tick_id) OVER (PARTITION BY recording_id ORDER BY "
     "tick_id) AS before"
     " FROM tick) WHERE previous_tick_id IS NOT before"},
    {"a keyframe that is not the latest of its recording",
     "SELECT t.tick_id FROM tick AS t WHERE t.keyframe_tick_id IS NOT (SELECT max(k.tick_id) FROM tick AS k"
     " WHERE k.recording_id = t.recording_id AND k.keyframe_tick_id = k.tick_id AND k.tick_id <= t.tick_id)"},
    {"a process without a parent or an image",
     "SELECT upid FROM processes AS p WHERE parent_pid IS NULL"
     " OR NOT EXISTS (SELECT 1 FROM process_image WHERE upid = p.upid AND image_no = 1)"},
    {"two processes that had one pid at one time",
     "SELECT a.pid FROM processes AS a JOIN processes AS b ON b.pid = a.pid AND b.boot_id = a.boot_id AND b.upid > "
     "a.upid"
     " WHERE a.ended_us IS NULL OR a.ended_earliest_us > b.started_us + 20000"},
    {"two holds of one port by one process at one time",
     "SELECT a.port FROM port_bindings AS a JOIN port_bindings AS b ON b.upid = a.upid AND b.protocol = a.protocol"
     " AND b.address = a.address AND b.port = a.port AND b.network_namespace = a.network_namespace AND b.binding_id > "
     "a.binding_id"
     " WHERE a.released_us IS NULL OR a.released_us > b.bound_us"},
    {"a run before the newest without an end",
     "SELECT recording_id FROM recording WHERE recording_id < (SELECT max(recording_id)"
     " FROM recording) AND recording_id NOT IN (SELECT recording_id FROM recording_end)"},
};

class ProgramCrash : public ProgramTest {
 protected:
  void expect_whole(int round) const {
    SQLite::Database database(db().string(), SQLite::OPEN_READONLY, 10'000);
    for (const auto& [fault, sql] : kFaults)
      EXPECT_EQ(rows_of(database, sql), "") << "after crash " << round << ": " << fault;
  }
  std::int64_t number(const std::string& sql) const { return std::atoll(ask(sql).c_str()); }
  /// A number from 0 to `most`.
  int draw(std::int64_t most) { return static_cast<int>(course_.draw(static_cast<std::size_t>(most))); }
  void sleep_up_to(std::chrono::milliseconds most) {
    std::this_thread::sleep_for(std::chrono::microseconds(draw(most.count() * 1000)));
  }
  Program start_recorder() const {
    return start({galproc_binary(), "record", "--db", db().string(), "--interval", "10ms"});
  }
  std::string course() const { return course_.name(); }
  void end_both_at_any_moment(std::chrono::milliseconds start_time, std::chrono::milliseconds kill_time);
  std::chrono::milliseconds passed() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun_);
  }
  /// How long it takes here to be recording, so that crashes fall before and after.
  std::chrono::milliseconds time_of_start() const {
    const auto before = passed();
    record({"--interval", "10ms"}).kill();
    return passed() - before;
  }
  /// Likewise of a kill, from its start to its end.
  std::chrono::milliseconds time_of_kill() const {
    Program victim = start({"/bin/sleep", "1000"});
    const auto before = passed();
    EXPECT_EQ(galproc({"kill", "--db", db().string(), std::to_string(victim.pid())}).exit_code, 0);
    return passed() - before;
  }

 private:
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  Course course_;
};

/// A recorder, a victim and a kill of it, and what has to be in the file afterwards.
void ProgramCrash::end_both_at_any_moment(std::chrono::milliseconds start_time, std::chrono::milliseconds kill_time) {
  Program recorder = start_recorder();
  sleep_up_to(start_time);
  Program victim = start({"/bin/sleep", "1000"});
  const std::string pid = std::to_string(victim.pid());
  Program killer = start({galproc_binary(), "kill", "--db", db().string(), "--grace", "100ms", pid});
  sleep_up_to(kill_time * 3 / 2);
  if (draw(3) == 0) killer.wait();
  const bool was_done = killer.has_ended();
  const int exit_code = was_done ? killer.wait() : -1;
  killer.kill();
  // A reader has seen these.
  const std::int64_t ticks = number("SELECT count(*) FROM tick"), attempts = number("SELECT count(*) FROM attempt");
  recorder.kill();
  // A signal that went out just before is heard by then; one that is heard later proves nothing.
  std::this_thread::sleep_for(std::chrono::milliseconds(20));

  const std::string whom = " WHERE target_pid = " + pid;
  if (was_done || victim.has_ended()) {
    EXPECT_EQ(number("SELECT count(*) > 0 FROM attempt" + whom), 1) << "a signal without an intent; " << killer.err();
  }
  if (was_done) {
    EXPECT_EQ(exit_code, 0) << killer.err();
    // On a busy machine it may be found gone when it is to be forced.
    EXPECT_EQ(ask("SELECT sum(outcome = 'exited'), count(*) = sum(outcome IN ('exited', 'already_gone')) FROM attempt"
                  " LEFT JOIN attempt_outcome USING (attempt_id)" +
                  whom),
              "1|1\n");
  }
  EXPECT_GE(number("SELECT count(*) FROM tick"), ticks);
  EXPECT_GE(number("SELECT count(*) FROM attempt"), attempts);
  const Ran check = galproc({"db", "check", "--db", db().string(), "--json", "-q"});
  EXPECT_EQ(check.exit_code, 0) << check.out << check.err;
}

TEST_F(ProgramCrash, AtAnyMomentLeavesAWholeFileThatTheNextRunGoesOnWith) {
  Puppet idle, churner, listener;
  churner.churn();
  const auto start_time = time_of_start();
  int round = 1;
  for (; round <= kRounds && (round <= kFewestRounds || passed() < kLongest); ++round) {
    if (round % 2 == 0) {
      listener.close_port();
    } else {
      listener.listen();
    }
    Program recorder = round % 5 == 0 ? record({"--interval", "10ms"}) : start_recorder();
    sleep_up_to(start_time + std::chrono::milliseconds(100));
    ASSERT_FALSE(recorder.has_ended()) << recorder.err();
    recorder.kill();
    expect_whole(round);
    if (HasFailure()) return;
  }
  Program last = record();
  const std::string short_lives =
      fmt::format("SELECT count(*) FROM processes WHERE parent_pid = {} AND ended_us IS NOT NULL", churner.pid());
  EXPECT_TRUE(wait_until([&] { return number(short_lives) > 0; }));
  EXPECT_EQ(last.stop(), 0) << last.err();
  expect_whole(round);

  const std::int64_t crashes = number("SELECT count(*) FROM recordings WHERE end_reason = 'crashed'");
  EXPECT_GE(crashes, round / 5);
  EXPECT_EQ(number("SELECT count(*) FROM recordings"), crashes + 1);
  EXPECT_EQ(number("SELECT count(*) FROM gaps WHERE kind = 'crashed'"), crashes);
  EXPECT_EQ(ask("SELECT from_us, to_us FROM gaps WHERE kind = 'crashed' AND NOT to_us > from_us"), "");
  EXPECT_EQ(ask("SELECT kind, to_us FROM gaps WHERE kind NOT IN ('crashed', 'late')"), "stopped|NULL\n");
  for (const Puppet* puppet : {&idle, &churner, &listener}) {
    EXPECT_EQ(ask(fmt::format("SELECT name, ended_us FROM processes WHERE pid = {}", puppet->pid())),
              "program_crash_test|NULL\n");
  }
  RecordProperty("rounds", round - 1);
}

TEST_F(ProgramCrash, OfARecorderAndAKillTogetherLosesNothingThatWasAcknowledged) {
  constexpr unsigned kFewRoundsOfBoth = 12;
  const unsigned rounds = std::max(1U, asked_for("GALPROC_TORTURE_ROUNDS", kFewRoundsOfBoth));
  const auto start_time = time_of_start(), kill_time = time_of_kill();
  for (unsigned round = 1; round <= rounds && !HasFailure(); ++round) {
    SCOPED_TRACE(fmt::format("round {} of {}", round, course()));
    end_both_at_any_moment(start_time, kill_time);
  }
  const Ran verify = galproc({"db", "verify", "--db", db().string()});
  EXPECT_EQ(verify.exit_code, 0) << verify.err;
  EXPECT_EQ(record().stop(), 0);
  expect_whole(static_cast<int>(rounds));
  fmt::print("{} deaths of a recorder and a kill at random moments, {}: {} ticks, {} attempts, {} with an outcome\n",
             rounds, course(), number("SELECT count(*) FROM tick"), number("SELECT count(*) FROM attempt"),
             number("SELECT count(*) FROM attempt_outcome"));
}

TEST_F(ProgramCrash, WhileTheFileIsBeingMadeIsNoHindranceToTheNextStart) {
  const auto start_time = time_of_start();
  for (int round = 1; round <= kNewFiles && (round <= kFewestNewFiles || passed() < kLongestOfNewFiles); ++round) {
    for (const char* ending : {"", "-wal", "-shm"}) fs::remove(db().string() + ending);
    Program recorder = start_recorder();
    sleep_up_to(start_time);
    recorder.kill();
    snapshot();
    expect_whole(round);
    EXPECT_EQ(listing(folder_.path()),
              "galproc.db galproc.db-shm galproc.db-wal galproc.db.recorder-lock galproc.db.reserve");
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace galproc
