// What the log of an acting command holds, that it is on the disk, and that it gets on with others.

#include "store/action_log.h"

#include "store/embedded.h"
#include "support/action_fixture.h"

namespace galproc {
namespace {

namespace fs = std::filesystem;

TEST_F(ActionLogTest, KeepsWhatWasLogged) {
  ActionLog log = open();
  EXPECT_EQ(log.path(), path());
  LoggedKill kill;
  log.commit([&](ActionWriter& writer) {
    kill.boot_id = writer.processes().boot_id_of(some_host());
    kill.upid = writer.processes()
                    .upid_of(kill.boot_id, {{42, 300}, 900, false, Witness::Action, 1000, std::nullopt, std::nullopt})
                    .upid;
    ActionEntry action = some_action(kill.boot_id, "stop");
    action.actor_upid = kill.upid;
    action.caller.key = {50, 60};
    action.caller.user_id = 1000;
    action.caller.login_id = 1001;
    action.caller.sudo_user = "bob";
    action.caller.terminal = "/dev/pts/3";
    action.caller.working_directory = "/srv";
    action.caller.arguments = {"galproc", "stop", "a b"};
    action.reason = "it hangs";
    kill.action_id = writer.add_action(action);
    AttemptEntry attempt = some_attempt(kill.action_id, kill.boot_id, kill.upid);
    attempt.executable = "/usr/bin/node";
    attempt.user_id = 33;
    attempt.user_name = "www-data";
    kill.attempt_id = writer.add_attempt(attempt);
    attempt.target_upid.reset();
    attempt.target = {0, 0};
    attempt.name.reset();
    attempt.signal.reset();
    attempt.method = "cgroup";
    writer.add_attempt(attempt);
  });
  EXPECT_EQ(ask("SELECT action_id, at_us, verb, actor_upid, actor_pid, actor_name, actor_uid, actor_user, login_uid,"
                " sudo_user, tty, cwd, command_line, host, reason, outcome, exit_code FROM actions"),
            "1|1000|stop|1|50|galproc|1000|alice|1001|bob|/dev/pts/3|/srv|galproc stop 'a b'|box|it hangs|NULL|NULL\n");
  EXPECT_EQ(ask("SELECT target_upid, target_pid, target_start_token, target_name, target_executable, target_uid,"
                " target_user, method, signal, why FROM attempt"),
            "1|42|300|node|/usr/bin/node|33|www-data|polite|15|pid\n"
            "NULL|0|NULL|NULL|/usr/bin/node|33|www-data|cgroup|NULL|pid\n");
  log.commit([&](ActionWriter& writer) {
    OutcomeEntry outcome;
    outcome.attempt_id = kill.attempt_id;
    outcome.at_us = 1005;
    outcome.outcome = "exited";
    outcome.ended_us = 1004;
    outcome.wait_status = 9;
    writer.add_outcome(outcome);
    outcome.attempt_id = 2;
    outcome.wait_status = 3 << 8;
    outcome.error = "why not";
    writer.add_outcome(outcome);
  });
  EXPECT_EQ(ask("SELECT attempt_id, outcome, ended_us, exit_code, exit_signal, error FROM termination_attempts"),
            "1|exited|1004|NULL|SIGKILL|NULL\n2|exited|1004|3|NULL|why not\n");
  EXPECT_EQ(verify().length, 5);
  EXPECT_TRUE(verify().holds);
}

TEST_F(ActionLogTest, SaysTheExitCodeOfAnActionInAWord) {
  ActionLog log = open();
  log.commit([&](ActionWriter& writer) {
    const std::int64_t boot_id = writer.processes().boot_id_of(some_host());
    for (const int code : {0, 1, 2, 3, 4, 5, 6, 130, 143}) {
      writer.add_action_outcome(writer.add_action(some_action(boot_id)), 1, code);
    }
  });
  EXPECT_EQ(ask("SELECT group_concat(exit_code || ' ' || outcome, ', ') FROM action_outcome"),
            "0 done, 1 failed, 2 failed, 3 not_found, 4 refused, 5 not_logged, 6 still_there, 130 interrupted, 143 "
            "interrupted\n");
}

TEST_F(ActionLogTest, IsOnTheDiskAfterACommitAndLeavesCheckpointsToTheRecorder) {
  open();
  const std::string before = bytes_of(path());
  {
    ActionLog log = open();
    EXPECT_EQ(log.database().execAndGet("PRAGMA synchronous").getInt(), 2);
    EXPECT_EQ(log.database().execAndGet("PRAGMA wal_autocheckpoint").getInt(), 0);
    EXPECT_EQ(log.database().execAndGet("PRAGMA foreign_keys").getInt(), 1);
    log_kill(log);
  }
  EXPECT_TRUE(bytes_of(path()) == before) << "the last to close moves the -wal into the file unless told not to";
  EXPECT_GT(fs::file_size(path().string() + "-wal"), 0U);
  EXPECT_TRUE(fs::exists(path().string() + "-shm"));
  EXPECT_EQ(ask("SELECT count(*) FROM ledger"), "4\n");
}

TEST_F(ActionLogTest, StoresNothingOfACommitThatThrows) {
  ActionLog log = open();
  EXPECT_THROW(log.commit([](ActionWriter& writer) {
    log_intent(writer);
    throw std::runtime_error("the caller's own");
  }),
               std::runtime_error);
  const std::string said = refusal_of([&] {
    log.commit([](ActionWriter& writer) {
      ActionEntry action = some_action(log_intent(writer).boot_id, "dance");
      writer.add_action(action);
    });
  });
  EXPECT_NE(said.find("it does not take the rows: CHECK constraint failed"), std::string::npos) << said;
  EXPECT_EQ(ask("SELECT (SELECT count(*) FROM action) + (SELECT count(*) FROM ledger) + (SELECT count(*) FROM boot)"),
            "0\n");
  log_kill(log);
  EXPECT_TRUE(verify().holds);
}

TEST_F(ActionLogTest, StoresNoSecretAndNoBadText) {
  {
    ActionLog log = open();
    log.commit([&](ActionWriter& writer) {
      LoggedKill kill = log_intent(writer);
      ActionEntry action = some_action(kill.boot_id);
      action.caller.arguments = {"galproc", "kill", "--token", "hunter2secret", "--reason", "password=hunter2secret"};
      action.caller.working_directory = "/bad\xff";
      action.reason = "see postgres://me:hunter2secret@db\xff";
      writer.add_action(action);
      OutcomeEntry outcome;
      outcome.attempt_id = kill.attempt_id;
      outcome.outcome = "failed";
      outcome.error = "password=hunter2secret is wrong";
      writer.add_outcome(outcome);
      ServiceEntry service;
      service.action_id = kill.action_id;
      service.upid = kill.upid;
      service.arguments = {"node", "--password=hunter2secret", std::string("x\0y", 3)};
      writer.add_service(service);
    });
  }
  EXPECT_EQ(contents_of(folder_.path()).find("hunter2secret"), std::string::npos);
  EXPECT_EQ(
      ask("SELECT command_line, reason, cwd FROM action WHERE action_id = 2"),
      "galproc kill --token '[redacted]' --reason 'password=[redacted]'|see postgres://me:[redacted]@db\xEF\xBF\xBD|"
      "/bad\xEF\xBF\xBD\n");
  EXPECT_EQ(ask("SELECT error FROM attempt_outcome"), "password=[redacted] is wrong\n");
  EXPECT_EQ(ask("SELECT instr(command_line, '[redacted]') > 0, instr(command_line, char(0)) FROM service"), "1|0\n");
  EXPECT_TRUE(verify().holds);
}

TEST_F(ActionLogTest, OfServicesKnowsAnEndThatOnlyAnAttemptSaw) {
  ActionLog log = open();
  log.commit([&](ActionWriter& writer) {
    const LoggedKill kill = log_intent(writer);
    std::vector<std::int64_t> upids;
    for (const std::int64_t pid : {42, 43, 44}) {
      ServiceEntry service;
      service.action_id = kill.action_id;
      service.name = "s" + std::to_string(pid);
      service.upid =
          writer.processes()
              .upid_of(kill.boot_id, {{pid, 300}, 900, false, Witness::Action, 1000, std::nullopt, std::nullopt})
              .upid;
      upids.push_back(service.upid);
      writer.add_service(service);
    }
    OutcomeEntry outcome;
    outcome.attempt_id = kill.attempt_id;
    outcome.outcome = "exited";
    outcome.ended_us = 1004;
    outcome.wait_status = 15;
    writer.add_outcome(outcome);
    ExitRow exit;
    exit.ended_us = 1005;
    exit.wait_status = 0;
    writer.processes().add_exit(upids[1], exit);
  });
  EXPECT_EQ(ask("SELECT service, pid, state, ended_us, exit_code, exit_signal FROM services"),
            "s42|42|ended|1004|NULL|SIGTERM\ns43|43|ended|1005|0|NULL\ns44|44|running|NULL|NULL|NULL\n");
  log.commit([&](ActionWriter& writer) {
    HostReading later = some_host();
    later.boot_uuid = "22222222-bbbb";
    writer.processes().boot_id_of(later);
  });
  EXPECT_EQ(ask("SELECT state, ended_us FROM services WHERE service = 's44'"), "ended|NULL\n");
}

TEST_F(ActionLogTest, MigratesAFileOfTheFirstSchemaWithItsRows) {
  {
    SQLite::Database old(path().string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    old.exec("PRAGMA application_id = " + std::to_string(kApplicationId));
    old.exec(kSchemaFiles[0].content);
    old.exec(
        "CREATE VIEW processes AS SELECT 1 AS old_shape;"
        "INSERT INTO boot VALUES (1, '11111111-aaaa', 1, 5, 'box', 'Linux', '6.1');"
        "INSERT INTO process VALUES (7, 1, 42, 300, 900, 0, 3, 100, NULL, 1);"
        "PRAGMA user_version = 1");
  }
  ActionLog log = open();
  EXPECT_EQ(log.database().execAndGet("PRAGMA user_version").getInt(), schema_version());
  EXPECT_EQ(log_kill(log).upid, 7);
  EXPECT_EQ(ask("SELECT upid, pid, started_us FROM processes"), "7|42|900\n");
  EXPECT_EQ(ask("SELECT count(*), length(database_id), made_us > 1700000000000000, predecessor_name FROM origin"),
            "1|32|1|NULL\n");
  EXPECT_THROW(log.database().exec("DELETE FROM action"), SQLite::Exception);
  EXPECT_TRUE(verify().holds);
}

TEST_F(ActionLogTest, TakesTurnsWithARecorder) {
  open_for_recording(path(), 1000);
  constexpr int kRounds = 60;
  const pid_t recorder = ::fork();
  if (recorder == 0) {
    try {
      SQLite::Database database = open_for_recording(path(), 60'000);
      for (int i = 0; i < kRounds; ++i) {
        SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
        database.exec("INSERT INTO text (value) VALUES ('" + std::to_string(i) + "')");
        ::usleep(1000);
        transaction.commit();
      }
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      ::_exit(1);
    }
    ::_exit(0);
  }
  ActionLog log = open();
  for (int i = 0; i < kRounds; ++i) log_kill(log);
  int status = -1;
  ::waitpid(recorder, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(ask("SELECT (SELECT count(*) FROM text), (SELECT count(*) FROM attempt_outcome)"), "60|60\n");
  EXPECT_TRUE(verify().holds);
}

}  // namespace
}  // namespace galproc
