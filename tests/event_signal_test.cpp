// Signals that the kernel tells of, as rows and as the views read them.

#include <signal.h>

#include <cerrno>

#include "support/event_fixture.h"

namespace galproc {
namespace {

class EventSignal : public EventTest {};

TEST_F(EventSignal, WhoIsMetFirstByASignalIsARowAndTheSignalNamesIt) {
  record(2, [&](int look) {
    if (look != 2) return;
    SignalEvent signal;
    signal.sender = party(30, "sender");
    signal.target = party(31, "target");
    signal.target_pid = 31;
    signal.signal = SIGTERM;
    signal.code = 0;
    signal.to_group = true;
    signal.disposition = SignalEvent::Disposition::Default;
    tell(signal);
    tell_exit(31, SIGTERM);
  });
  EXPECT_EQ(ask("SELECT signal, cause, sender_pid, sender_name, sender_user, target_pid, target_name, outcome,"
                " exit_signal FROM termination_attempts"),
            "SIGTERM|user|30|sender|ann|31|target|exited|SIGTERM\n");
  EXPECT_EQ(ask("SELECT (SELECT pid FROM process AS p WHERE p.upid = s.sender_upid),"
                " (SELECT pid FROM process AS p WHERE p.upid = s.target_upid) FROM signals AS s"),
            "30|31\n");
  EXPECT_EQ(images_of(30), "1|sender|NULL\n");
}

TEST_F(EventSignal, AnOomMarksTheSignalBeforeItAlsoOneThatIsStoredAlready) {
  const auto kill = [&](std::int64_t sender, std::int64_t target) {
    SignalEvent signal;
    signal.sender = party(sender);
    signal.target = party(target);
    signal.target_pid = target;
    signal.signal = SIGKILL;
    signal.code = 128;
    signal.origin = SignalEvent::Origin::Kernel;
    tell(signal);
  };
  std::int64_t at_us = 0;
  record(3, [&](int look) {
    if (look == 2) {
      kill(5, 5);  // of a limit
      kill(30, 30);
      tell(OomEvent{30, 30});
      kill(31, 31);
      at_us = world_.now.boot_us + 10;  // the batch ends between the two
    }
    if (look == 3) {
      world_.events.push_back({at_us, OomEvent{31, 31}});
      tell(OomEvent{99, 1});  // nobody knows it
    }
  });
  EXPECT_EQ(ask("SELECT target_pid, cause, sender_pid FROM signals ORDER BY signal_id"),
            "5|limit|NULL\n30|oom|NULL\n31|oom|NULL\n");
}

TEST_F(EventSignal, NamesThatTheKernelCutAreWholeAndThoseOfThreadsAreTheirOwn) {
  world_.start(40, 1, "a-program-of-a-long-name");
  record(2, [&](int look) {
    if (look != 2) return;
    SignalEvent signal;
    signal.sender = party(40);
    signal.sender.name = "a-program-of-a-";
    signal.target = party(40);
    signal.target->name = "a-thread-of-its";
    signal.target_pid = 40;
    signal.signal = SIGTERM;
    tell(signal);
  });
  EXPECT_EQ(ask("SELECT sender_name, target_name, sender_user FROM signal_event"),
            "a-program-of-a-long-name|a-thread-of-its|ann\n");
}

TEST_F(EventSignal, ARefusedSignalNamesWhoHadThePidLastAndAGroupNobody) {
  record(2, [&](int look) {
    if (look != 2) return;
    SignalEvent signal;
    signal.sender = party(30, "sender");
    signal.result = SignalEvent::Result::Refused;
    signal.signal = SIGTERM;
    signal.error = EPERM;
    for (const std::int64_t pid : {5, -5, 99}) {
      signal.target_pid = pid;
      tell(signal);
    }
    signal.target_pid.reset();
    tell(signal);
  });
  EXPECT_EQ(ask("SELECT target_pid, target_name, outcome, error FROM termination_attempts ORDER BY signal_id"),
            "5|shell|denied|Operation not permitted\n-5|NULL|denied|Operation not permitted\n"
            "99|NULL|denied|Operation not permitted\nNULL|NULL|denied|Operation not permitted\n");
}

TEST_F(EventSignal, ARefusedSignalDoesNotNameADeadProcessForAThreadThatHasItsNumber) {
  record(2, [&](int look) {
    if (look != 2) return;
    tell_fork(5, 40);
    tell_exit(40, 0);
    world_.now.boot_us += 1000;
    SignalEvent signal;
    signal.sender = party(30, "sender");
    signal.result = SignalEvent::Result::Refused;
    signal.signal = SIGTERM;
    signal.error = EPERM;  // so it is there
    signal.target_pid = 40;
    tell(signal);
    signal.error = ESRCH;
    tell(signal);
    signal.target_pid.reset();
    signal.target_thread = 40;
    tell(signal);
  });
  EXPECT_EQ(ask("SELECT target_pid, target_name, target_upid IS NULL FROM signal_event ORDER BY signal_id"),
            "40|NULL|1\n40|shell|0\nNULL|NULL|1\n");
}

TEST_F(EventSignal, WhoGaveItselfAnEmptyNameIsStoredWithAQuestionMark) {
  record(2, [&](int look) {
    if (look != 2) return;
    SignalEvent signal;
    signal.sender = party(30, "");
    signal.target = party(31, "");
    signal.target_pid = 31;
    signal.signal = SIGTERM;
    tell(signal);
  });
  EXPECT_EQ(ask("SELECT sender_name, target_name FROM signal_event"), "?|?\n");
  EXPECT_EQ(images_of(30) + images_of(31), "1|?|NULL\n1|?|NULL\n");
}

}  // namespace
}  // namespace galproc
