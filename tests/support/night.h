#pragma once

// A night on a made-up machine, stored by the recorder's and the action log's own code: what the questions of an
// incident are asked about. tell_night() is the script; the rest here lets it be one.

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "recorder/recording.h"
#include "store/action_log.h"
#include "support/query_database.h"

namespace galproc {

/// The whole night into a new file.
void tell_night(const std::filesystem::path& path);

/// The machine and its recorder: a look each 30 s, and the kernel's events. Times are of 2026-11-20, UTC.
class Night {
 public:
  static constexpr std::int64_t kSecond = 1'000'000;
  static constexpr std::int64_t kMiB = 1024 * 1024;
  static constexpr std::int64_t kIntervalUs = 30 * kSecond;

  Night(std::filesystem::path path, const std::string& booted) : path_(std::move(path)) { boot(booted, "boot-1"); }

  // ---- The machine

  struct Program {
    std::int64_t parent = 1;
    std::string user = "root";
    std::string cgroup = "/system.slice";
    std::optional<std::string> venv;
    std::optional<std::string> marker;
  };
  /// A birth and its exec.
  void start(std::int64_t pid, const Program& program, std::vector<std::string> arguments) {
    const auto parent = processes_.find(program.parent);
    ProcessReading process;
    process.key = {pid, now_.boot_us / 10'000};
    process.parent_pid = parent == processes_.end() ? 0 : program.parent;
    process.started_boot_us = now_.boot_us / 10'000 * 10'000;
    process.usage.thread_count = 1;
    process.usage.resident_bytes = 4 * kMiB;
    process.usage.read_bytes = process.usage.written_bytes = 0;
    process.kernel_thread = arguments.empty();
    auto image = std::make_shared<ProcessImage>();
    image->name = arguments.empty() ? "kthreadd" : arguments[0].substr(arguments[0].rfind('/') + 1);
    if (!arguments.empty()) {
      image->executable = arguments[0];
      image->arguments = std::move(arguments);
      image->working_directory = "/";
    }
    image->cgroup = program.cgroup;
    image->user_name = program.user;
    image->user_id = program.user == "root" ? 0 : 1000;
    image->venv = program.venv;
    if (program.venv) image->venv_evidence = "environment";
    image->service_marker = program.marker;
    process.image = image;
    processes_[pid] = process;
    if (recording_ && parent != processes_.end()) {
      tell(ForkEvent{party(program.parent), party(pid)});
      tell(ExecEvent{party(pid), image});
    }
  }
  void exec(std::int64_t pid, std::vector<std::string> arguments) {
    auto image = std::make_shared<ProcessImage>(*processes_.at(pid).image);
    image->name = arguments[0].substr(arguments[0].rfind('/') + 1);
    image->executable = arguments[0];
    image->arguments = std::move(arguments);
    processes_.at(pid).image = image;
    tell(ExecEvent{party(pid), image});
  }
  /// `wait_status` as wait(2) encodes it: the signal, or the exit code << 8. Orphans go to pid 1.
  void end(std::int64_t pid, std::int64_t wait_status) {
    tell(ExitEvent{party(pid), wait_status, processes_.at(pid).usage});
    vanish(pid);
  }
  /// Without a word, as while nobody records.
  void vanish(std::int64_t pid) {
    processes_.erase(pid);
    growth_.erase(pid);
    load_.erase(pid);
    for (auto& [child, process] : processes_) {
      if (process.parent_pid == pid) process.parent_pid = 1;
    }
    std::erase_if(sockets_, [&](const SocketReading& socket) { return socket.holders.front().pid == pid; });
  }
  void send(std::int64_t sender, std::int64_t target, std::int64_t signal) { tell(signal_of(sender, target, signal)); }
  /// One that the system does not let through: errno 1.
  void send_in_vain(std::int64_t sender, std::int64_t target, std::int64_t signal) {
    SignalEvent refused = signal_of(sender, target, signal);
    refused.target.reset();
    refused.code.reset();
    refused.disposition.reset();
    refused.result = SignalEvent::Result::Refused;
    refused.error = 1;
    tell(refused);
  }
  void kill_for_memory(std::int64_t target) {
    SignalEvent signal = signal_of(target, target, 9);
    signal.code = 128;
    signal.origin = SignalEvent::Origin::Kernel;
    tell(signal);
    tell(OomEvent{target, target});
    end(target, 9);
  }
  void lose_events(std::int64_t count) { lost_ += count; }
  void listen(std::int64_t pid, const std::string& address, std::int64_t port, std::int64_t network_namespace = 1) {
    sockets_.push_back({Protocol::Tcp, address, port, network_namespace, {processes_.at(pid).key}});
  }
  void close_port(std::int64_t port) {
    std::erase_if(sockets_, [&](const SocketReading& socket) { return socket.port == port; });
  }
  void hold(std::int64_t pid, std::int64_t mib) { processes_.at(pid).usage.resident_bytes = mib * kMiB; }
  /// From now on, with each look.
  void grow(std::int64_t pid, std::int64_t mib) { growth_[pid] = mib; }
  void work(std::int64_t pid, std::int64_t cpu_seconds) { load_[pid] = cpu_seconds; }
  /// The machine as a whole from now on, percent.
  void be_busy(std::int64_t cpu_pct, std::int64_t memory_pct) {
    cpu_pct_ = cpu_pct;
    memory_pct_ = memory_pct;
  }

  // ---- Time and the recorder

  /// Looks, each 30 s, up to that time, and then the rest of the way.
  void until(const std::string& time) {
    const std::int64_t end_us = instant_us(time);
    while (recording_ && next_look_us_ <= end_us) {
      pass(next_look_us_ - now_.wall_us);
      look();
    }
    pass(end_us - now_.wall_us);
  }
  void put_clock_forward(std::int64_t seconds) {
    now_.wall_us += seconds * kSecond;
    next_look_us_ += seconds * kSecond;
  }
  void boot(const std::string& time, const std::string& uuid) {
    host_.host_name = "box";
    host_.system = "Linux";
    host_.release = "6.1";
    host_.boot_uuid = uuid;
    host_.pid_namespace = host_.network_namespace = 1;
    host_.booted_us = instant_us(time);
    now_ = {host_.booted_us, 0, 0};
    processes_.clear();
    sockets_.clear();
    growth_.clear();
    load_.clear();
    cpu_busy_us_ = cpu_total_us_ = 0;
  }
  void start_recorder() {
    RecordingFacts facts;
    facts.host = host_;
    facts.recorder = {99, 1};
    facts.interval_us = kIntervalUs;
    facts.version = "test";
    facts.process_source = facts.socket_source = facts.event_source = "bpf";
    events_.clear();
    recording_ = std::make_unique<Recording>(path_, facts, now_, &redactor_, 1000);
    events_from_us_ = now_.wall_us;
    next_look_us_ = now_.wall_us;
  }
  void stop_recorder() {
    recording_->end(now_.wall_us, "stopped");
    recording_.reset();
  }
  void crash_recorder() { recording_.reset(); }

  // ---- What galproc did, told when the recorder is closed: the log has its own connection

  struct Actor {
    std::int64_t pid = 0;
    std::string user = "alice";
    std::optional<std::string> terminal, reason;
  };
  struct Try {
    std::int64_t pid = 0;
    std::string name, method = "polite";
    std::int64_t signal = 15;
    std::string why = "pid";
    std::optional<std::string> outcome;  ///< empty: galproc ended before it was known
    std::int64_t wait_status = -1;       ///< of one that exited
    std::optional<std::string> error;
    double after_s = 0, took_s = 0.5;
  };
  /// The upid is that of whoever has the pid at that time.
  std::int64_t act(const std::string& time, const std::string& verb, const Actor& actor,
                   std::vector<std::string> arguments, const std::vector<Try>& tries, int exit_code);
  void add_service(std::int64_t action_id, const std::string& name, std::int64_t pid, const std::string& time,
                   const std::optional<std::string>& venv);

 private:
  SignalEvent signal_of(std::int64_t sender_pid, std::int64_t target_pid, std::int64_t signal) const;
  EventParty party(std::int64_t pid) const;
  void tell(decltype(Event::what) what) {
    if (recording_) events_.push_back({now_.boot_us, std::move(what)});
  }
  void pass(std::int64_t us);
  void look();
  struct Who {
    std::int64_t upid = 0, boot_id = 0;
    ProcessKey key;
  };
  /// Who has the pid then.
  Who who_has(std::int64_t pid, std::int64_t at_us) const;

  std::filesystem::path path_;
  Redactor redactor_;
  HostReading host_;
  Clocks now_;
  std::unique_ptr<Recording> recording_;
  std::int64_t next_look_us_ = 0, events_from_us_ = 0;
  std::map<std::int64_t, ProcessReading> processes_;
  std::vector<SocketReading> sockets_;
  std::map<std::int64_t, std::int64_t> growth_, load_;
  std::vector<Event> events_;
  std::int64_t lost_ = 0;
  std::int64_t cpu_pct_ = 10, memory_pct_ = 40, cpu_busy_us_ = 0, cpu_total_us_ = 0;
};

}  // namespace galproc
