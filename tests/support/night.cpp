#include "support/night.h"

namespace galproc {

SignalEvent Night::signal_of(std::int64_t sender_pid, std::int64_t target_pid, std::int64_t signal) const {
  SignalEvent event;
  event.sender = party(sender_pid);
  event.target = party(target_pid);
  event.target_pid = target_pid;
  event.signal = signal;
  event.code = 0;
  event.to_group = true;
  event.disposition = SignalEvent::Disposition::Default;
  return event;
}

EventParty Night::party(std::int64_t pid) const {
  const ProcessReading& process = processes_.at(pid);
  EventParty party;
  party.key = process.key;
  party.started_boot_us = process.started_boot_us;
  party.parent_pid = process.parent_pid;
  party.user_id = process.image->user_id;
  party.user_name = process.image->user_name;
  party.name = process.image->name;
  party.kernel_thread = process.kernel_thread;
  return party;
}

void Night::pass(std::int64_t us) {
  now_.wall_us += us;
  now_.boot_us += us;
  now_.monotonic_us += us;
  cpu_total_us_ += 4 * us;
  cpu_busy_us_ += 4 * us / 100 * cpu_pct_;
}

void Night::look() {
  TickReading reading;
  reading.clocks = now_;
  reading.duration_us = 5000;
  reading.processes.emplace();
  for (auto& [pid, process] : processes_) {
    if (const auto grown = growth_.find(pid); grown != growth_.end()) {
      process.usage.resident_bytes += grown->second * kMiB;
    }
    if (const auto worked = load_.find(pid); worked != load_.end()) {
      process.usage.cpu_user_us += worked->second * kSecond;
    }
    reading.processes->processes.push_back(process);
  }
  reading.sockets = SocketPass{sockets_, {}};
  SystemReading& system = reading.system.emplace();
  system.cpu_busy_us = cpu_busy_us_;
  system.cpu_total_us = cpu_total_us_;
  system.cpu_count = 4;
  system.memory_total_bytes = 1000 * kMiB;
  system.memory_available_bytes = (100 - memory_pct_) * 10 * kMiB;
  system.disk_total_bytes = 1000;
  system.disk_used_bytes = 500;
  reading.events = {now_, events_from_us_, std::exchange(events_, {}), std::exchange(lost_, 0)};
  events_from_us_ = now_.wall_us;
  recording_->write(reading, {});
  next_look_us_ += kIntervalUs;
}

Night::Who Night::who_has(std::int64_t pid, std::int64_t at_us) const {
  SQLite::Database database(path_.string(), SQLite::OPEN_READONLY);
  SQLite::Statement row(database,
                        "SELECT upid, boot_id, start_token FROM process WHERE pid = ? AND started_us <= ?"
                        " ORDER BY started_us DESC LIMIT 1");
  row.bind(1, pid);
  row.bind(2, at_us);
  if (!row.executeStep()) throw std::runtime_error(fmt::format("nobody has had the pid {}", pid));
  return {row.getColumn(0).getInt64(), row.getColumn(1).getInt64(), {pid, row.getColumn(2).getInt64()}};
}

std::int64_t Night::act(const std::string& time, const std::string& verb, const Actor& actor,
                        std::vector<std::string> arguments, const std::vector<Try>& tries, int exit_code) {
  ActionEntry action;
  action.verb = verb;
  action.at_us = instant_us(time);
  const Who who = who_has(actor.pid, action.at_us);
  action.boot_id = who.boot_id;
  action.actor_upid = who.upid;
  action.caller.key = who.key;
  action.caller.name = "galproc";
  action.caller.user_id = actor.user == "root" ? 0 : 1000;
  action.caller.user_name = actor.user;
  action.caller.terminal = actor.terminal;
  action.caller.working_directory = "/home/" + actor.user;
  action.caller.arguments = std::move(arguments);
  action.caller.host_name = "box";
  action.reason = actor.reason;
  std::vector<AttemptEntry> attempts;
  for (const Try& one : tries) {
    AttemptEntry& attempt = attempts.emplace_back();
    attempt.at_us = action.at_us + static_cast<std::int64_t>(one.after_s * kSecond);
    const Who target = who_has(one.pid, attempt.at_us);
    attempt.target_upid = target.upid;
    attempt.target = target.key;
    attempt.boot_id = target.boot_id;
    attempt.name = one.name;
    attempt.user_name = "alice";
    attempt.method = one.method;
    attempt.signal = one.signal;
    attempt.why = one.why;
  }
  ActionLog log(path_, redactor_);
  std::int64_t action_id = 0;
  log.commit([&](ActionWriter& writer) {
    action_id = writer.add_action(action);
    bool is_over = true;
    std::int64_t over_us = action.at_us;
    for (std::size_t i = 0; i < tries.size(); ++i) {
      attempts[i].action_id = action_id;
      OutcomeEntry outcome;
      outcome.attempt_id = writer.add_attempt(attempts[i]);
      is_over = is_over && tries[i].outcome.has_value();
      if (!tries[i].outcome) continue;
      outcome.at_us = attempts[i].at_us + static_cast<std::int64_t>(tries[i].took_s * kSecond);
      outcome.outcome = *tries[i].outcome;
      outcome.error = tries[i].error;
      if (tries[i].wait_status >= 0) {
        outcome.wait_status = tries[i].wait_status;
        outcome.ended_us = outcome.at_us;
      }
      over_us = std::max(over_us, outcome.at_us);
      writer.add_outcome(outcome);
    }
    if (is_over) writer.add_action_outcome(action_id, over_us, exit_code);
  });
  return action_id;
}

void Night::add_service(std::int64_t action_id, const std::string& name, std::int64_t pid, const std::string& time,
                        const std::optional<std::string>& venv) {
  const std::int64_t upid = who_has(pid, instant_us(time)).upid;
  ActionLog log(path_, redactor_);
  log.commit([&](ActionWriter& writer) {
    writer.add_service({action_id,
                        instant_us(time),
                        name,
                        name + "-1",
                        upid,
                        venv,
                        {"python", "-m", name},
                        "/srv/" + name,
                        "/var/lib/galproc/logs/" + name + ".log",
                        std::nullopt});
  });
}

void tell_night(const std::filesystem::path& path) {
  Night night(path, "2026-11-19T08:00:00");
  const std::string container = "3f29ab61c0de" + std::string(52, '0');

  // What runs since the boot, when the recorder starts. Its first look is at 23:30.
  night.start(1, {0, "root", "/init.scope", {}, {}}, {"/usr/lib/systemd/systemd"});
  night.start(2, {0, "root", "/", {}, {}}, {});
  night.start(400, {}, {"/usr/sbin/sshd", "-D"});
  night.start(500, {1, "root", "/system.slice/supervisor.service", {}, {}}, {"/usr/bin/supervisord", "-n"});
  night.start(600, {1, "postgres", "/system.slice/postgresql.service", {}, {}}, {"/usr/bin/postgres", "-D", "/data"});
  night.start(700, {1, "root", "/system.slice/docker-" + container + ".scope", {}, {}}, {"/usr/bin/redis-server"});
  night.start(800, {500, "alice", "/system.slice/supervisor.service", {}, {}}, {"/opt/worker", "--queue", "mail"});
  night.start(900, {500, "alice", "/system.slice/supervisor.service", {}, {}}, {"/usr/bin/node", "server.js"});
  night.start(950, {900, "alice", "/system.slice/supervisor.service", {}, {}}, {"/usr/bin/node", "render.js"});
  night.hold(800, 100);
  night.listen(400, "0.0.0.0", 22);
  night.listen(600, "127.0.0.1", 5432);
  night.listen(900, "0.0.0.0", 8080);
  night.until("2026-11-19T23:30:00");
  night.start_recorder();
  night.until("2026-11-19T23:59:40");
  night.grow(800, 1);  // a leak: a MiB with each look, from midnight on

  // A crash loop: each minute from 01:00 to 01:09 it lives for 2 s and returns 1.
  for (int minute = 0; minute < 10; ++minute) {
    night.until(fmt::format("01:{:02}:10", minute));
    night.start(2000 + minute, {500, "alice", "/system.slice/supervisor.service", {}, {}}, {"/opt/flaky"});
    night.until(fmt::format("01:{:02}:12", minute));
    night.end(2000 + minute, 1 << 8);
  }

  // Somebody opens a debugger to the world, and memory gets short.
  night.until("02:00:10");
  night.listen(950, "0.0.0.0", 9229);
  night.until("02:30:10");
  night.be_busy(10, 85);

  // bob's shell starts a job, 4711, and goes away: the job is an orphan then. The shell becomes what it runs by an
  // exec.
  night.until("02:50:10");
  night.start(4700, {400, "bob", "/user.slice", {}, {}}, {"/bin/bash"});
  night.until("02:50:20");
  night.start(4711, {4700, "bob", "/user.slice", {}, {}}, {"/bin/sh", "-c", "etl"});
  night.until("02:50:21");
  night.exec(4711, {"/opt/etl", "--all"});
  night.until("02:52:10");
  night.end(4700, 0);

  // alice kills node, which holds 8080, from 03:05:00 to 03:05:03; its child lives on. app takes the port.
  night.until("03:04:59");
  const Night::Program of_a_user{400, "alice", "/user.slice", {}, {}};
  night.start(3100, of_a_user, {"/usr/bin/galproc", "kill", "--port", "8080"});
  night.until("03:05:00");
  night.send(3100, 900, 15);
  night.until("03:05:03");
  night.send(3100, 900, 9);
  night.end(900, 9);
  night.until("03:05:04");
  night.end(3100, 0);
  night.until("03:05:09");
  night.start(3110, of_a_user, {"/usr/bin/galproc", "start", "--name", "app"});
  night.until("03:05:10");
  night.start(1000, {500, "alice", "/system.slice/supervisor.service", "/srv/app/.venv", "app-1"},
              {"/srv/app/.venv/bin/python", "-m", "app"});
  night.until("03:05:40");
  night.end(3110, 0);
  night.listen(1000, "0.0.0.0", 8080);

  // 4711 is busy for two minutes; bob's other shell kills it at 03:12:10. The worker that leaks is killed for its
  // memory.
  night.until("03:10:10");
  night.work(4711, 100);
  night.be_busy(95, 85);
  night.start(4800, {400, "bob", "/user.slice", {}, {}}, {"/bin/bash"});
  night.until("03:11:00");
  night.send_in_vain(4800, 600, 15);
  night.until("03:12:10");
  night.send(4800, 4711, 9);
  night.end(4711, 9);
  night.until("03:12:20");
  night.kill_for_memory(800);
  night.be_busy(10, 30);

  // What galproc did afterwards without any effect: see below.
  const auto galproc = [&](std::int64_t pid, const std::string& from, const std::string& to, const std::string& user) {
    night.until(from);
    night.start(pid, {400, user, "/user.slice", {}, {}}, {"/usr/bin/galproc"});
    night.until(to);
    night.end(pid, 0);
  };
  galproc(3120, "03:13:59", "03:14:01", "bob");
  galproc(3130, "03:14:59", "03:15:01", "root");

  // 4711 is somebody else now.
  night.until("03:18:00");
  night.start(4711, {1, "root", "/system.slice/backup.service", {}, {}}, {"/usr/bin/backup"});

  galproc(3140, "03:18:59", "03:19:01", "root");
  galproc(3150, "03:24:59", "03:25:01", "alice");

  // The recorder crashes; nobody sees the ends of backup and sync-mail. A lull in events, a step of the clock.
  night.until("03:29:58");
  night.start(5000, of_a_user, {"/usr/bin/sync-mail"});
  night.until("03:30:10");
  night.crash_recorder();
  night.until("03:35:00");
  night.vanish(4711);
  night.vanish(5000);
  night.until("03:40:00");
  night.start_recorder();
  night.until("03:45:10");
  night.lose_events(12);
  night.until("03:50:10");
  night.put_clock_forward(60);
  night.until("04:00:00");
  night.stop_recorder();

  // The machine is booted anew, and recorded on.
  night.boot("04:10:00", "boot-2");
  night.start(1, {0, "root", "/init.scope", {}, {}}, {"/usr/lib/systemd/systemd"});
  night.start(400, {}, {"/usr/sbin/sshd", "-D"});
  night.listen(400, "0.0.0.0", 22);
  night.until("04:12:00");
  night.start_recorder();
  night.until("04:20:00");
  night.stop_recorder();

  // What galproc was asked to do.
  const Night::Actor alice{3100, "alice", "/dev/pts/3", "old build"};
  night.act("03:05:00", "kill", alice, {"galproc", "kill", "--port", "8080", "--reason", "old build"},
            {{900, "node", "polite", 15, "port", "survived", -1, {}, 0, 3},
             {900, "node", "forced", 9, "port", "exited", 9, {}, 3, 0.1}},
            0);
  const std::int64_t started =
      night.act("03:05:09", "start", {3110, "alice", "/dev/pts/3", {}},
                {"galproc", "start", "--name", "app", "--venv", "/srv/app/.venv", "--", "-m", "app"}, {}, 0);
  night.add_service(started, "app", 1000, "03:05:10", "/srv/app/.venv");
  night.act("03:14:00", "kill", {3120, "bob", "/dev/pts/4", {}}, {"galproc", "kill", "--name", "postgres"},
            {{600, "postgres", "polite", 15, "name", "denied", -1, "Operation not permitted", 0, 0}}, 4);
  night.act("03:15:00", "kill", {3130, "root", {}, "cleaning up"}, {"galproc", "kill", "2", "4711", "950"},
            {{2, "kthreadd", "polite", 15, "pid", "refused", -1, "it is a kernel thread", 0, 0},
             {4711, "etl", "polite", 15, "pid", "already_gone", -1, {}, 0, 0},
             {950, "node", "polite", 15, "pid", "failed", -1, "No such device", 0, 0}},
            4);
  night.act("03:19:00", "kill", {3140, "root", {}, {}}, {"galproc", "kill", "4711"},
            {{4711, "backup", "polite", 15, "pid", "identity_changed", -1, {}, 0, 0},
             {700, "redis-server", "cgroup", 9, "cgroup", "unsupported", -1, "there is no cgroup.kill", 0, 0}},
            6);
  night.act("03:25:00", "stop", {3150, "alice", "/dev/pts/3", "too slow"}, {"galproc", "stop", "app"},
            {{1000, "app", "polite", 15, "marker", {}, -1, {}, 0, 0}}, 0);
}

}  // namespace galproc
