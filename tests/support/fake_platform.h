#pragma once

// A scripted machine with a clock: processes, sockets and files behave as the test says, sleeping takes no time, and
// every sleep may change the world. What the recorder makes of it is the real code on a real database.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/errors.h"
#include "platform/platform.h"
#include "support/failing_platform.h"
#include "support/temporary_folder.h"

namespace galproc {

class FakePlatform : public Platform {
 public:
  /// Gives what the test put into `events`.
  struct Source : EventSource {
    explicit Source(FakePlatform& of) : world(of) {}
    std::string name() const override { return "bpf"; }
    EventBatch drain() override { return {std::exchange(world.events, {}), std::exchange(world.lost_events, 0)}; }
    std::vector<std::string> limits() const override { return world.event_limits; }
    FakePlatform& world;
  };

  static constexpr std::int64_t kSecond = 1'000'000;

  Clocks now{1'700'000'000 * kSecond, 1000 * kSecond, 1000 * kSecond};
  std::string boot_uuid = "boot-1";
  std::map<std::int64_t, ProcessReading> processes;  ///< by pid
  std::vector<SocketReading> sockets;
  std::vector<std::int64_t> unreadable_pids;
  std::vector<ReadError> read_errors;
  std::vector<EndedReading> ends;    ///< that the next pass tells of, if it was asked to
  bool holds_exit_statuses = false;  ///< it was
  SystemReading system;
  std::map<std::int64_t, ProcessDetails> details;  ///< by pid
  std::vector<std::string> told_manager;
  std::vector<std::filesystem::path> given_up_for;
  std::string no_giving_up;                  ///< why privileges cannot be given up
  std::optional<std::int64_t> patience_us;   ///< of the service manager
  std::optional<DiskRoom> room;              ///< empty: nobody can tell
  std::optional<std::int64_t> recorder_pid;  ///< holds the recorder's lock
  /// What becomes of a process that gets a signal, and who may not be sent one.
  std::set<std::int64_t> deaf;                        ///< pids that only Kill ends
  std::set<std::int64_t> immortal;                    ///< pids that nothing ends
  std::set<std::int64_t> forbidden;                   ///< pids that may not be sent anything
  std::size_t most_handles = 1'000'000;               ///< so many may be open at a time
  std::vector<std::pair<std::int64_t, Signal>> sent;  ///< all that reached somebody, in order
  /// Called after something reached a process that may have died of it: the world goes on.
  std::function<void(std::int64_t pid, Signal signal)> on_signal = [](std::int64_t, Signal) {};
  std::map<std::int64_t, ControlGroup> groups;  ///< by pid of a member
  std::set<std::string> frozen_groups;
  std::function<void()> on_freeze = [] {};  ///< called just before a group is frozen
  std::optional<std::string> remote_disk;   ///< name of the network file system that every path lies on
  std::vector<Event> events;                ///< that a source gives at its next drain
  std::int64_t lost_events = 0;             ///< likewise
  std::vector<std::string> event_limits;    ///< that this source tells of
  std::vector<std::string> limits;          ///< of the user
  std::string no_events = "none here";      ///< why there is no source; empty: there is one
  std::string no_bpf = "not here";          ///< why processes are not read from bpf; empty: they can be
  CallerReading who{{4242, 1}, "galproc", 0, "root", {}, {}, {}, "/", {"galproc", "kill"}, "fake"};
  std::vector<std::int64_t> pipeline;
  std::vector<SpawnRequest> spawned;      ///< all that were asked for
  std::vector<std::int64_t> released;     ///< pids of those that run what they were made for
  std::optional<std::string> exec_error;  ///< why no program can be run
  std::set<std::string> made_groups;      ///< control groups that are there
  bool has_group_limits = true;
  std::map<std::string, std::int64_t> group_limits;                        ///< of processes, by path
  std::function<void(std::int64_t pid)> on_release = [](std::int64_t) {};  ///< called once its program runs
  bool holds_signals = false;
  int stopped_by = 0;  ///< number of the signal that asked for a stop
  /// Called before each sleep ends with its number, from 1; gives false to ask for a stop.
  std::function<bool(int)> on_wake = [](int) { return true; };

  ProcessKey start(std::int64_t pid, std::int64_t parent_pid, const std::string& name) {
    ProcessReading process;
    process.key = {pid, next_token_++};
    process.parent_pid = parent_pid;
    process.started_boot_us = now.boot_us - kSecond / 2;
    process.usage.thread_count = 1;
    process.usage.resident_bytes = 4096;
    processes[pid] = process;
    exec(pid, {"/bin/" + name});
    return process.key;
  }
  void exec(std::int64_t pid, std::vector<std::string> arguments) {
    auto image = std::make_shared<ProcessImage>();
    image->name = std::filesystem::path(arguments.front()).filename().string();
    image->executable = arguments.front();
    image->arguments = std::move(arguments);
    image->user_id = 1000;
    image->user_name = "ann";
    processes.at(pid).image = image;
  }
  void run(std::int64_t pid, std::int64_t cpu_us) { processes.at(pid).usage.cpu_user_us += cpu_us; }
  void end(std::int64_t pid) { processes.erase(pid); }
  /// The same, and what it died of is known.
  void die(std::int64_t pid, Signal signal) {
    const auto process = processes.find(pid);
    if (process == processes.end()) return;
    statuses_[pid] = static_cast<std::int64_t>(signal);
    ends.push_back({process->second.key, statuses_[pid]});
    processes.erase(process);
  }
  void listen(std::int64_t pid, std::int64_t port) {
    sockets.push_back({Protocol::Tcp, "0.0.0.0", port, 1, {processes.at(pid).key}});
  }
  void close_port(std::int64_t port) {
    std::erase_if(sockets, [&](const SocketReading& socket) { return socket.port == port; });
  }
  void pass_time(std::int64_t us) {
    now.wall_us += us;
    now.boot_us += us;
    now.monotonic_us += us;
  }

  Clocks clocks() override { return now; }
  HostReading host() override {
    HostReading host;
    host.host_name = "fake";
    host.system = "Fake";
    host.release = "1";
    host.boot_uuid = boot_uuid;
    host.pid_namespace = 1;
    host.network_namespace = 1;
    host.booted_us = now.wall_us - now.boot_us;
    host.user_id = 0;
    host.user_name = "root";
    host.limits = limits;
    return host;
  }
  ProcessKey self() override { return who.key; }
  ReadingSources choose_process_source(std::string_view asked) override {
    if (asked == "proc") return {"proc", "sock_diag", "", ""};
    if (no_bpf.empty()) return {"bpf", "bpf", "", ""};
    return {asked == "bpf" ? "" : "proc", "sock_diag", no_bpf, ""};
  }
  ProcessPass read_processes() override {
    ProcessPass pass;
    for (const auto& [pid, process] : processes) {
      const bool hidden = std::count(unreadable_pids.begin(), unreadable_pids.end(), pid) > 0;
      if (!hidden) pass.processes.push_back(process);
    }
    pass.unreadable_pids = unreadable_pids;
    pass.errors = read_errors;
    if (holds_exit_statuses) pass.ends = std::exchange(ends, {});
    return pass;
  }
  void hold_exit_statuses(bool hold) override { holds_exit_statuses = hold; }
  SocketPass read_sockets(const ProcessPass&) override { return {sockets, {}}; }
  OpenedEvents open_events(std::string_view, const EventRequest&) override {
    if (!no_events.empty()) return {nullptr, no_events};
    return {std::make_unique<Source>(*this), ""};
  }
  std::vector<Finding> diagnose() override { return {}; }
  SystemReading read_system(const std::filesystem::path&) override { return system; }
  std::optional<ProcessDetails> read_details(const ProcessKey& key) override {
    const auto found = processes.find(key.pid);
    if (found == processes.end() || found->second.key != key) return std::nullopt;
    return details[key.pid];
  }
  MachineReading machine() override { return {"Fake", "1", "#1", "fake64", "Fake CPU"}; }
  Wake sleep_until(std::int64_t boot_us) override {
    pass_time(std::max<std::int64_t>(0, boot_us - now.boot_us));
    return on_wake(++sleeps_) ? Wake::Deadline : Wake::Stop;
  }
  void catch_stop_requests() override {}
  std::unique_ptr<HeldSignals> hold_signals() override { return std::make_unique<Held>(*this); }
  int stop_signal() override { return stopped_by; }
  struct NoLock : FileLock {
    void note(const std::string&) override {}
  };
  LockResult lock_file(const std::filesystem::path&) override {
    if (recorder_pid) return {nullptr, *recorder_pid};
    return {std::make_unique<NoLock>(), 0};
  }
  std::optional<std::int64_t> lock_holder(const std::filesystem::path&) override { return recorder_pid; }
  std::optional<std::string> network_file_system(const std::filesystem::path&) override { return remote_disk; }
  CallerReading caller() override { return who; }
  std::vector<std::int64_t> readers_of_output() override { return pipeline; }
  OpenedProcess open_process(const ProcessKey& key) override {
    using Why = OpenedProcess::Why;
    const auto found = processes.find(key.pid);
    if (found == processes.end()) return {nullptr, Why::Gone, ""};
    if (found->second.key != key) return {nullptr, Why::IdentityChanged, ""};
    if (handles_ >= most_handles) return {nullptr, Why::Failed, "Too many open files", 24};
    return {std::make_unique<Handle>(*this, key), Why::Opened, ""};
  }
  Wake wait_for_ends(const std::vector<ProcessHandle*>& handles, std::int64_t boot_us) override {
    const auto ended = [](ProcessHandle* handle) { return handle->has_ended(); };
    if (handles.empty() || std::any_of(handles.begin(), handles.end(), ended)) return Wake::Ended;
    pass_time(std::max<std::int64_t>(0, boot_us - now.boot_us));
    if (!on_wake(++sleeps_)) return Wake::Stop;
    return std::any_of(handles.begin(), handles.end(), ended) ? Wake::Ended : Wake::Deadline;
  }
  std::optional<std::int64_t> signal_number(Signal signal) override { return real_->signal_number(signal); }
  std::optional<ControlGroup> killable_group(std::int64_t pid) override {
    const auto found = groups.find(pid);
    return found == groups.end() ? std::nullopt : std::optional(found->second);
  }
  std::optional<std::vector<std::int64_t>> group_members(const std::string& path) override {
    std::set<std::int64_t> members;
    for (const auto& [pid, group] : groups) {
      if (group.path != path) continue;
      members.insert(pid);
      members.insert(group.pids.begin(), group.pids.end());
    }
    std::erase_if(members, [&](std::int64_t pid) { return !processes.contains(pid); });
    return std::vector(members.begin(), members.end());
  }
  Delivery freeze_group(const std::string& path) override {
    on_freeze();
    frozen_groups.insert(path);
    return {};
  }
  void thaw_group(const std::string& path) noexcept override { frozen_groups.erase(path); }
  Delivery kill_group(const std::string& path) override {
    const auto members = group_members(path).value();
    if (members.empty()) return {Delivery::Result::Gone, 2, "no such group"};
    for (const std::int64_t member : members) deliver(member, Signal::Kill);
    return {};
  }
  std::unique_ptr<WaitingProcess> spawn(const SpawnRequest& request) override {
    spawned.push_back(request);
    return std::make_unique<Waiting>(*this, start(next_pid_++, who.key.pid, "galproc"), request);
  }
  std::optional<std::string> make_group(const std::string& name) override {
    made_groups.insert("/galproc/" + name);
    return "/galproc/" + name;
  }
  bool limit_group(const std::string& path, std::int64_t processes) override {
    if (has_group_limits) group_limits[path] = processes;
    return has_group_limits;
  }
  void remove_group(const std::string& path) override { made_groups.erase(path); }
  std::optional<FileIdentity> file_identity(const std::filesystem::path& path) override {
    return real_->file_identity(path);
  }
  bool is_executable(const std::filesystem::path& file) override { return real_->is_executable(file); }
  void make_shared_folder(const std::filesystem::path& folder) override { real_->make_shared_folder(folder); }
  void make_shared_file(const std::filesystem::path& file) override { real_->make_shared_file(file); }
  void give_up_privileges(const std::filesystem::path& database) override {
    if (!no_giving_up.empty()) throw PlatformError(no_giving_up, 1);
    given_up_for.push_back(database);
  }
  void notify_manager(const std::string& lines) override { told_manager.push_back(lines); }
  std::optional<std::int64_t> manager_patience_us() override { return patience_us; }
  std::optional<DiskRoom> disk_room(const std::filesystem::path&) override { return room; }

 private:
  class Held : public HeldSignals {
   public:
    explicit Held(FakePlatform& world) : world_(world) { world_.holds_signals = true; }
    ~Held() override { world_.holds_signals = false; }

   private:
    FakePlatform& world_;
  };

  class Waiting : public WaitingProcess {
   public:
    Waiting(FakePlatform& world, ProcessKey key, SpawnRequest request)
        : world_(world), key_(key), request_(std::move(request)) {}
    ~Waiting() override {
      if (!released_) world_.end(key_.pid);
    }
    const ProcessKey& key() const override { return key_; }
    bool is_in_group() const override { return request_.group.has_value(); }
    void release() override {
      if (world_.exec_error) throw PlatformError(*world_.exec_error, 13);
      released_ = true;
      world_.released.push_back(key_.pid);
      world_.exec(key_.pid, request_.arguments);
      auto image = std::make_shared<ProcessImage>(*world_.processes.at(key_.pid).image);
      constexpr std::string_view kMarker = "GALPROC_SERVICE=";
      for (const std::string& variable : request_.environment) {
        if (variable.starts_with(kMarker)) image->service_marker = variable.substr(kMarker.size());
      }
      world_.processes.at(key_.pid).image = image;
      world_.on_release(key_.pid);
    }

   private:
    FakePlatform& world_;
    ProcessKey key_;
    SpawnRequest request_;
    bool released_ = false;
  };

  class Handle : public ProcessHandle {
   public:
    Handle(FakePlatform& world, ProcessKey key) : world_(world), key_(key) { ++world_.handles_; }
    ~Handle() override { --world_.handles_; }
    Delivery send(Signal signal) override {
      if (has_ended()) return {Delivery::Result::Gone, 3, "gone"};
      if (world_.forbidden.contains(key_.pid)) return {Delivery::Result::Denied, 1, "not permitted"};
      world_.deliver(key_.pid, signal);
      return {};
    }
    bool has_ended() override {
      const auto found = world_.processes.find(key_.pid);
      return found == world_.processes.end() || found->second.key != key_;
    }
    std::optional<std::int64_t> wait_status() override {
      const auto found = world_.statuses_.find(key_.pid);
      return has_ended() && found != world_.statuses_.end() ? std::optional(found->second) : std::nullopt;
    }

   private:
    FakePlatform& world_;
    ProcessKey key_;
  };

  void deliver(std::int64_t pid, Signal signal) {
    const auto process = processes.find(pid);
    if (process == processes.end()) return;
    if (signal == Signal::Probe) return;
    sent.emplace_back(pid, signal);
    if (signal == Signal::Stop) process->second.usage.state = ProcessState::Stopped;
    if (signal == Signal::Continue) process->second.usage.state = ProcessState::Sleeping;
    const bool ends =
        signal == Signal::Kill || (signal != Signal::Stop && signal != Signal::Continue && !deaf.contains(pid) &&
                                   process->second.usage.state != ProcessState::Stopped);
    if (ends && !immortal.contains(pid)) {
      statuses_[pid] = static_cast<std::int64_t>(signal);
      processes.erase(process);
    }
    on_signal(pid, signal);
  }

  std::map<std::int64_t, std::int64_t> statuses_;  ///< of the dead, by pid
  std::int64_t next_token_ = 100;
  std::int64_t next_pid_ = 500;
  int sleeps_ = 0;
  std::size_t handles_ = 0;
  std::unique_ptr<Platform> real_ = make_platform();  ///< for files alone, which are real
};

}  // namespace galproc
