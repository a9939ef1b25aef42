// How sure who-killed is: of what the recording did not see, had not stored yet, or can only guess.

#include <gtest/gtest.h>

#include "store/query_catalogue.h"
#include "store/query_run.h"
#include "support/query_database.h"

namespace galproc {
namespace {

/// Process 7 (pid 700, upid 7), born 10:00:00, beside recordings of one boot.
class QueryWhoKilled : public testing::Test {
 protected:
  QueryWhoKilled() {
    database_.exec(
        "INSERT INTO boot VALUES (1, 'one', 1, us('09:00:00'), 'box', 'Linux', '6');"
        "INSERT INTO process VALUES (7, 1, 700, 1, us('10:00:00'), 0, witness('event'), 0, NULL, 0);"
        "INSERT INTO process_image (upid, image_no, at_us, name, truncated) VALUES (7, 1, us('10:00:00'), 'web', 0);");
  }

  /// A recording that looks each 5 s, from `start` to the look at `last`, and has stored events up to `events`.
  void record(int number, const std::string& source, const std::string& start, const std::string& last,
              const std::string& events = "") {
    database_.exec(
        fmt::format("INSERT INTO recording VALUES ({}, 1, us('{}'), 0, 5000000, '0', 'proc', 'sock_diag',"
                    " '{}', 1, 7, 0, 'root', NULL, NULL, NULL, NULL);"
                    "INSERT INTO tick VALUES ({}, {}, us('{}'), 0, {}, NULL, 0, 0, 1)",
                    number, start, source, number, number, last, number));
    if (!events.empty()) {
      database_.exec(fmt::format("INSERT OR REPLACE INTO recorder_status VALUES (1, {}, us('{}'))", number, events));
    }
  }
  void end_recording(int number, const std::string& at, const std::string& reason) {
    database_.exec(fmt::format("INSERT INTO recording_end VALUES ({}, us('{}'), '{}')", number, at, reason));
  }
  /// `exit_code` and `exit_signal` as SQL.
  void end(const std::string& at, const std::string& exit_code, const std::string& exit_signal,
           const std::string& witness = "event") {
    database_.exec(
        fmt::format("INSERT INTO process_exit VALUES (7, witness('{}'), NULL, us('{}'), NULL, {}, {}, 0, 0, 0,"
                    " NULL, NULL, 1, NULL)",
                    witness, at, exit_code, exit_signal));
  }
  /// galproc ends it with SIGKILL, and sees that it does.
  void kill_by_galproc(const std::string& at, const std::string& ended) {
    database_.exec(fmt::format(
        "INSERT INTO action (action_id, boot_id, at_us, verb, actor_pid, actor_start_token, actor_name, user,"
        " command_line, host) VALUES (1, 1, us('{0}'), 'kill', 50, 1, 'galproc', 'root', 'galproc kill 700', 'box');"
        "INSERT INTO attempt (attempt_id, action_id, at_us, target_upid, boot_id, target_pid, target_start_token,"
        " target_name, method, signal, why) VALUES (1, 1, us('{0}'), 7, 1, 700, 1, 'web', 'forced', 9, 'pid');"
        "INSERT INTO attempt_outcome (attempt_id, at_us, outcome, ended_us, exit_signal)"
        " VALUES (1, us('{1}'), 'exited', us('{1}'), 9)",
        at, ended));
    end(ended, "NULL", "9", "action");
  }
  struct Sent {
    int signal = 15;
    int origin = 2;
    int disposition = 0;
    int oom_victim = 0;
    int target_upid = 7;
  };
  void send(const std::string& at, const Sent& sent) {
    database_.exec(fmt::format(
        "INSERT INTO signal_event (recording_id, at_us, signal, code, origin, to_group, result, disposition,"
        " oom_victim, sender_pid, sender_start_token, sender_name, sender_state, target_upid, target_pid, target_name)"
        " VALUES (1, us('{}'), {}, 0, {}, 1, 0, {}, {}, 60, 1, 'ctl', 0, {}, 700, 'web')",
        at, sent.signal, sent.origin, sent.disposition, sent.oom_victim, sent.target_upid));
  }
  /// Verdict and confidence, and what says so.
  std::string answer(const std::string& until = "10:01:00") {
    const QueryCatalogue catalogue = QueryCatalogue::built_in();
    const RowSet rows =
        run_query(database_, *catalogue.find("who-killed"), {{"upid", std::int64_t{7}}, {"until", instant_us(until)}});
    std::string text;
    for (const char* wanted : {"verdict", "confidence", "evidence"}) {
      for (std::size_t i = 0; i < rows.columns.size(); ++i) {
        if (rows.columns[i].name == wanted) text += (text.empty() ? "" : " | ") + cell_text(rows.rows.at(0)[i]);
      }
    }
    return text;
  }

  SQLite::Database database_ = make_query_database();
};

constexpr const char* kByGalproc = "SIGKILL from galproc (pid 50, root); it died of it 0.010 s later; seen by galproc";

TEST_F(QueryWhoKilled, WhatIsNotStoredYetIsNoDoubtOfGalproc) {
  record(1, "bpf", "09:59:00", "10:00:58", "10:00:59");
  kill_by_galproc("10:00:59.5", "10:00:59.51");
  EXPECT_EQ(
      answer(),
      fmt::format("killed_by_galproc | certain | {}; the events of that moment are not in the file yet.", kByGalproc));
}

TEST_F(QueryWhoKilled, AWatchingKernelThatSawNothingIsADoubt) {
  record(1, "bpf", "09:59:00", "10:00:58", "10:00:59");
  kill_by_galproc("10:00:30", "10:00:30.01");
  EXPECT_EQ(answer(),
            fmt::format("killed_by_galproc | likely | {}; but the kernel was watched, and nothing of it was seen.",
                        kByGalproc));
}

TEST_F(QueryWhoKilled, EventsThatWereLostAreNoDoubt) {
  record(1, "bpf", "09:59:00", "10:00:58", "10:00:59");
  database_.exec("INSERT INTO event_loss VALUES (1, 1, 'bpf', us('10:00:29'), us('10:00:31'), 1)");
  kill_by_galproc("10:00:30", "10:00:30.01");
  EXPECT_EQ(answer(), fmt::format("killed_by_galproc | certain | {}. Events were lost about then.", kByGalproc));
}

TEST_F(QueryWhoKilled, ARecorderThatWasKilledDoesNotWatchForEver) {
  record(1, "bpf", "09:59:00", "10:00:05", "10:00:06");
  kill_by_galproc("10:00:40", "10:00:40.01");
  EXPECT_EQ(answer(), fmt::format("killed_by_galproc | certain | {}; the events of that moment are not in the file: the"
                                  " recorder seems to have crashed before it could store them.",
                                  kByGalproc));
}

TEST_F(QueryWhoKilled, ACrashedRecordingWatchedUpToItsLastLook) {
  record(1, "bpf", "09:59:00", "10:00:30");
  end_recording(1, "10:00:30", "crashed");
  record(2, "bpf", "10:00:50", "10:00:51", "10:00:51");
  kill_by_galproc("10:00:40", "10:00:40.01");
  EXPECT_EQ(answer(), fmt::format("killed_by_galproc | certain | {}.", kByGalproc));
}

TEST_F(QueryWhoKilled, AnEndThatAnEventToldOfWasWatched) {
  record(1, "bpf", "09:59:00", "10:00:30");
  end_recording(1, "10:00:30", "crashed");
  end("10:00:32", "0", "NULL");
  EXPECT_EQ(answer(), "exited | certain | It returned 0; nobody was seen asking it to end.");
}

TEST_F(QueryWhoKilled, WhereTheClockWasPutBackARunWatchedFromBeforeItsOwnStart) {
  record(1, "bpf", "10:00:20", "10:00:58", "10:00:58");
  database_.exec("INSERT INTO gap VALUES (1, 1, 'clock_step', us('10:00:25'), us('10:00:02'), 'Back.')");
  end("10:00:10", "0", "NULL");
  EXPECT_EQ(answer(), "exited | certain | It returned 0; nobody was seen asking it to end.");
}

TEST_F(QueryWhoKilled, OfOneThatReturnedWhileEventsAreOutstandingNobodyKnowsWhy) {
  record(1, "bpf", "09:59:00", "10:00:58", "10:00:58");
  end("10:00:59", "0", "NULL", "action");
  EXPECT_EQ(answer(),
            "exited | likely | It returned 0; the events of that moment are not in the file yet, so nobody"
            " knows whether it was asked to.");
}

TEST_F(QueryWhoKilled, WhoeverLivedWhenRecordingStoppedNeedNotLiveNow) {
  record(1, "bpf", "09:59:00", "10:00:58", "10:00:58");
  const std::string evidence = "It was alive at 2026-11-20T10:00:58.000000Z; nothing is known after it.";
  EXPECT_EQ(answer(), "alive | certain | " + evidence);
  EXPECT_EQ(answer("10:02:00"), "alive | likely | " + evidence);
  end_recording(1, "10:00:58.5", "stopped");
  EXPECT_EQ(answer(), "alive | likely | " + evidence);
  EXPECT_EQ(answer("10:00:50"), "alive | certain | " + evidence);
}

TEST_F(QueryWhoKilled, AFaultThatNobodyWatchedIsLikelyItsOwn) {
  record(1, "netlink", "09:59:00", "10:00:58", "10:00:58");
  end("10:00:30", "NULL", "11");
  EXPECT_EQ(answer(),
            "fault | likely | It died of SIGSEGV, which a process mostly brings upon itself; senders were not"
            " recorded.");
}

TEST_F(QueryWhoKilled, AnotherSignalThatNobodyWatchedSaysNothing) {
  record(1, "netlink", "09:59:00", "10:00:58", "10:00:58");
  end("10:00:30", "NULL", "15");
  EXPECT_EQ(answer(), "unknown | unknown | It died of SIGTERM; signals were not watched then.");
}

TEST_F(QueryWhoKilled, ADeathWithoutASignalThatCouldBeSeenSaysHowThatCanBe) {
  record(1, "bpf", "09:59:00", "10:00:58", "10:00:58");
  end("10:00:30", "NULL", "9");
  EXPECT_EQ(answer(),
            "unknown | unknown | It died of SIGKILL; nobody was seen sending it. Seccomp's strict mode and a few"
            " other paths of the kernel end a process without a signal that can be seen.");
}

TEST_F(QueryWhoKilled, AnOomKillWithoutAVictimIsLikelyOnly) {
  record(1, "bpf", "09:59:00", "10:00:58", "10:00:58");
  send("10:00:30", {.signal = 9, .origin = 1});
  end("10:00:30", "NULL", "9");
  EXPECT_EQ(answer(),
            "oom | likely | SIGKILL from the OOM killer; it died of it at once; seen by the kernel; but nobody"
            " was marked as its victim about then, so the kernel may have had another reason.");
}

TEST_F(QueryWhoKilled, AnOomVictimAndWhoSharesItsMemoryAreCertain) {
  record(1, "bpf", "09:59:00", "10:00:58", "10:00:58");
  send("10:00:29.999", {.signal = 9, .origin = 1, .oom_victim = 1, .target_upid = 8});
  send("10:00:30", {.signal = 9, .origin = 1});
  end("10:00:30", "NULL", "9");
  EXPECT_EQ(answer(), "oom | certain | SIGKILL from the OOM killer; it died of it at once; seen by the kernel.");
}

TEST_F(QueryWhoKilled, AHandledRequestIsTheLikelyReasonOfAReturnSoonAfter) {
  record(1, "bpf", "09:59:00", "10:00:58", "10:00:58");
  send("10:00:30", {.disposition = 2});
  end("10:00:34.4", "0", "NULL");
  EXPECT_EQ(answer(),
            "killed_by_process | likely | SIGTERM from ctl (pid 60); it handled the signal and returned 4.400 s"
            " later with code 0; seen by the kernel.");
}

TEST_F(QueryWhoKilled, AReloadIsNotWhyItReturned) {
  record(1, "bpf", "09:59:00", "10:00:58", "10:00:58");
  send("10:00:30", {.signal = 1, .disposition = 2});
  end("10:00:34.4", "0", "NULL");
  EXPECT_EQ(answer(),
            "exited | likely | It returned 0; the last signal before was SIGHUP from ctl (pid 60), 4.400 s"
            " earlier, which need not be why.");
}

TEST_F(QueryWhoKilled, AReloadAfterARequestDoesNotHideTheRequest) {
  record(1, "bpf", "09:59:00", "10:00:58", "10:00:58");
  send("10:00:30", {.disposition = 2});
  send("10:00:31", {.signal = 1, .disposition = 2});
  end("10:00:32", "0", "NULL");
  EXPECT_EQ(answer(),
            "killed_by_process | likely | SIGTERM from ctl (pid 60); it handled the signal and returned 2.000 s"
            " later with code 0; seen by the kernel.");
}

TEST_F(QueryWhoKilled, ABlockedRequestIsTheReasonOfAReturnWithinTwoSecondsOnly) {
  record(1, "bpf", "09:59:00", "10:00:58", "10:00:58");
  send("10:00:30", {});
  end("10:00:34.4", "0", "NULL");
  EXPECT_EQ(answer(),
            "exited | likely | It returned 0; the last signal before was SIGTERM from ctl (pid 60), 4.400 s"
            " earlier, which need not be why.");
}

}  // namespace
}  // namespace galproc
