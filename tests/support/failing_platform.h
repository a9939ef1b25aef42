#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/errors.h"
#include "platform/platform.h"

namespace galproc {

/// Passes every call on, but the reading number `fail_at` (from 1) throws instead.
class FailingPlatform : public Platform {
 public:
  FailingPlatform(Platform& world, int fail_at) : world_(world), fail_at_(fail_at) {}
  /// Whether a call was made to fail: once not, there are no more calls to try.
  bool failed() const { return calls_ >= fail_at_; }

  Clocks clocks() override { return world_.clocks(); }
  HostReading host() override { return call("host"), world_.host(); }
  ProcessKey self() override { return world_.self(); }
  ReadingSources choose_process_source(std::string_view asked) override {
    return call("sources"), world_.choose_process_source(asked);
  }
  ProcessPass read_processes() override { return call("processes"), world_.read_processes(); }
  void hold_exit_statuses(bool hold) override { world_.hold_exit_statuses(hold); }
  SocketPass read_sockets(const ProcessPass& pass) override { return call("sockets"), world_.read_sockets(pass); }
  OpenedEvents open_events(std::string_view name, const EventRequest& request) override {
    return call("events"), world_.open_events(name, request);
  }
  std::vector<Finding> diagnose() override { return call("diagnose"), world_.diagnose(); }
  SystemReading read_system(const std::filesystem::path& path) override {
    return call("system"), world_.read_system(path);
  }
  std::optional<ProcessDetails> read_details(const ProcessKey& key) override {
    return call("details"), world_.read_details(key);
  }
  MachineReading machine() override { return world_.machine(); }
  Wake sleep_until(std::int64_t boot_us) override { return world_.sleep_until(boot_us); }
  void catch_stop_requests() override { world_.catch_stop_requests(); }
  LockResult lock_file(const std::filesystem::path& path) override { return call("lock"), world_.lock_file(path); }
  std::optional<FileIdentity> file_identity(const std::filesystem::path& path) override {
    return world_.file_identity(path);
  }
  bool is_executable(const std::filesystem::path& file) override { return world_.is_executable(file); }
  void make_shared_folder(const std::filesystem::path& folder) override {
    call("folder"), world_.make_shared_folder(folder);
  }
  void make_shared_file(const std::filesystem::path& file) override { call("file"), world_.make_shared_file(file); }

  std::unique_ptr<HeldSignals> hold_signals() override { return world_.hold_signals(); }
  int stop_signal() override { return world_.stop_signal(); }
  void give_up_privileges(const std::filesystem::path& database) override { world_.give_up_privileges(database); }
  void notify_manager(const std::string& lines) override { world_.notify_manager(lines); }
  std::optional<std::int64_t> manager_patience_us() override { return world_.manager_patience_us(); }
  std::optional<DiskRoom> disk_room(const std::filesystem::path& path) override { return world_.disk_room(path); }
  std::optional<std::int64_t> lock_holder(const std::filesystem::path& path) override {
    return world_.lock_holder(path);
  }
  std::optional<std::string> network_file_system(const std::filesystem::path& path) override {
    return world_.network_file_system(path);
  }
  CallerReading caller() override { return call("caller"), world_.caller(); }
  std::vector<std::int64_t> readers_of_output() override { return call("readers"), world_.readers_of_output(); }
  OpenedProcess open_process(const ProcessKey& key) override {
    if (++calls_ == fail_at_) return {nullptr, OpenedProcess::Why::Failed, "made to fail: open"};
    OpenedProcess opened = world_.open_process(key);
    if (opened.handle) opened.handle = std::make_unique<FailingHandle>(*this, std::move(opened.handle));
    return opened;
  }
  Wake wait_for_ends(const std::vector<ProcessHandle*>& handles, std::int64_t boot_us) override {
    call("wait");
    std::vector<ProcessHandle*> real;
    for (ProcessHandle* handle : handles) real.push_back(&static_cast<FailingHandle*>(handle)->real());
    return world_.wait_for_ends(real, boot_us);
  }
  std::optional<std::int64_t> signal_number(Signal signal) override { return world_.signal_number(signal); }
  std::optional<ControlGroup> killable_group(std::int64_t pid) override { return world_.killable_group(pid); }
  std::optional<std::vector<std::int64_t>> group_members(const std::string& path) override {
    return ++calls_ == fail_at_ ? std::nullopt : world_.group_members(path);
  }
  Delivery freeze_group(const std::string& path) override {
    if (++calls_ == fail_at_) return {Delivery::Result::Failed, 5, "made to fail: freeze"};
    return world_.freeze_group(path);
  }
  void thaw_group(const std::string& path) noexcept override { world_.thaw_group(path); }
  Delivery kill_group(const std::string& path) override {
    if (++calls_ == fail_at_) return {Delivery::Result::Failed, 5, "made to fail: group"};
    return world_.kill_group(path);
  }
  std::unique_ptr<WaitingProcess> spawn(const SpawnRequest& request) override {
    return call("spawn"), world_.spawn(request);
  }
  std::optional<std::string> make_group(const std::string& name) override {
    return ++calls_ == fail_at_ ? std::nullopt : world_.make_group(name);
  }
  bool limit_group(const std::string& path, std::int64_t processes) override {
    return ++calls_ != fail_at_ && world_.limit_group(path, processes);
  }
  void remove_group(const std::string& path) override { world_.remove_group(path); }

 private:
  class FailingHandle : public ProcessHandle {
   public:
    FailingHandle(FailingPlatform& platform, std::unique_ptr<ProcessHandle> real)
        : platform_(platform), real_(std::move(real)) {}
    ProcessHandle& real() { return *real_; }
    Delivery send(Signal signal) override {
      if (++platform_.calls_ == platform_.fail_at_) return {Delivery::Result::Failed, 5, "made to fail: send"};
      return real_->send(signal);
    }
    bool has_ended() override { return real_->has_ended(); }
    std::optional<std::int64_t> wait_status() override { return real_->wait_status(); }

   private:
    FailingPlatform& platform_;
    std::unique_ptr<ProcessHandle> real_;
  };

  void call(const char* what) {
    if (++calls_ == fail_at_) throw PlatformError(std::string("made to fail: ") + what, 5);
  }
  Platform& world_;
  int fail_at_;
  int calls_ = 0;
};

}  // namespace galproc
