#pragma once

// A scripted machine with a clock: processes, sockets and files behave as the test says, sleeping takes no time, and
// every sleep may change the world. What the recorder makes of it is the real code on a real database.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/errors.h"
#include "platform/platform.h"
#include "support/temporary_folder.h"

namespace galproc {

class FakePlatform : public Platform {
 public:
  static constexpr std::int64_t kSecond = 1'000'000;

  Clocks now{1'700'000'000 * kSecond, 1000 * kSecond, 1000 * kSecond};
  std::string boot_uuid = "boot-1";
  std::map<std::int64_t, ProcessReading> processes;  ///< by pid
  std::vector<SocketReading> sockets;
  std::vector<std::int64_t> unreadable_pids;
  std::vector<ReadError> read_errors;
  SystemReading system;
  std::optional<std::int64_t> lock_holder;
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
    return host;
  }
  ProcessKey self() override { return {4242, 1}; }
  ProcessPass read_processes() override {
    ProcessPass pass;
    for (const auto& [pid, process] : processes) {
      const bool hidden = std::count(unreadable_pids.begin(), unreadable_pids.end(), pid) > 0;
      if (!hidden) pass.processes.push_back(process);
    }
    pass.unreadable_pids = unreadable_pids;
    pass.errors = read_errors;
    return pass;
  }
  SocketPass read_sockets(const ProcessPass&) override { return {sockets, {}}; }
  SystemReading read_system(const std::filesystem::path&) override { return system; }
  Wake sleep_until(std::int64_t boot_us) override {
    pass_time(std::max<std::int64_t>(0, boot_us - now.boot_us));
    return on_wake(++sleeps_) ? Wake::Deadline : Wake::Stop;
  }
  void catch_stop_requests() override {}
  LockResult lock_file(const std::filesystem::path&) override {
    if (lock_holder) return {nullptr, *lock_holder};
    return {std::make_unique<FileLock>(), 0};
  }
  std::optional<FileIdentity> file_identity(const std::filesystem::path& path) override {
    return real_->file_identity(path);
  }
  void make_shared_folder(const std::filesystem::path& folder) override { real_->make_shared_folder(folder); }
  void make_shared_file(const std::filesystem::path& file) override { real_->make_shared_file(file); }

 private:
  std::int64_t next_token_ = 100;
  int sleeps_ = 0;
  std::unique_ptr<Platform> real_ = make_platform();  ///< for files alone, which are real
};

/// Passes every call on, but the reading number `fail_at` (from 1) throws instead.
class FailingPlatform : public Platform {
 public:
  FailingPlatform(Platform& world, int fail_at) : world_(world), fail_at_(fail_at) {}
  /// Whether a call was made to fail: once not, there are no more calls to try.
  bool failed() const { return calls_ >= fail_at_; }

  Clocks clocks() override { return world_.clocks(); }
  HostReading host() override { return call("host"), world_.host(); }
  ProcessKey self() override { return world_.self(); }
  ProcessPass read_processes() override { return call("processes"), world_.read_processes(); }
  SocketPass read_sockets(const ProcessPass& pass) override { return call("sockets"), world_.read_sockets(pass); }
  SystemReading read_system(const std::filesystem::path& path) override {
    return call("system"), world_.read_system(path);
  }
  Wake sleep_until(std::int64_t boot_us) override { return world_.sleep_until(boot_us); }
  void catch_stop_requests() override { world_.catch_stop_requests(); }
  LockResult lock_file(const std::filesystem::path& path) override { return call("lock"), world_.lock_file(path); }
  std::optional<FileIdentity> file_identity(const std::filesystem::path& path) override {
    return world_.file_identity(path);
  }
  void make_shared_folder(const std::filesystem::path& folder) override {
    call("folder"), world_.make_shared_folder(folder);
  }
  void make_shared_file(const std::filesystem::path& file) override { call("file"), world_.make_shared_file(file); }

 private:
  void call(const char* what) {
    if (++calls_ == fail_at_) throw PlatformError(std::string("made to fail: ") + what, 5);
  }
  Platform& world_;
  int fail_at_;
  int calls_ = 0;
};

}  // namespace galproc
