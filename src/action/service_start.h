#pragma once

// Starting a service: logged first, then made, logged as a process, and only then let run.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "action/log_file.h"
#include "action/service_command.h"
#include "model/service.h"
#include "platform/platform.h"
#include "store/action_log.h"

namespace galproc {

/// What was asked for.
struct ServiceRequest {
  std::string name;
  CommandRequest command;
  std::filesystem::path log_path;
  bool make_log_folder = false;
  std::optional<std::int64_t> address_space_bytes, open_files, user_processes;
  std::optional<std::int64_t> wait_port;  ///< until somebody of the service listens there
  std::int64_t wait_for_us = 30'000'000;
  std::optional<std::string> reason;
};

struct ListeningSocket {
  std::string address;
  std::int64_t port = 0;
  bool is_loopback = false;
};

/// What came of it.
struct ServiceReport {
  std::int64_t action_id = 0;
  std::int64_t upid = 0;
  ProcessKey key;
  std::optional<std::string> name;  ///< of its first process
  std::int64_t started_us = 0;
  std::vector<ListeningSocket> sockets;         ///< that it listens on, as far as was looked
  std::optional<std::int64_t> time_to_port_us;  ///< from its start until the port that was waited for was seen
  std::vector<std::string> warnings;            ///< whole sentences: what it does not have that was asked for
  std::vector<std::string> problems;            ///< whole sentences: why the exit code is not 0
  std::vector<std::string> log_tail;            ///< of one that has ended: its last lines, secrets redacted
  int exit_code = 0;
};

class ServiceStart {
 public:
  /// REQUIRES: `platform` and `redactor` outlive this.
  ServiceStart(Platform& platform, std::filesystem::path database, const Redactor& redactor, ServiceRequest request);

  /// Throws Error where nothing was started: NotLogged where the log refuses, Failed where one of that name runs or the
  /// program cannot be run; and, naming the service, where something failed while it was watched.
  ServiceReport run();

 private:
  /// Opened again where its -wal or -shm was taken away since. Throws Error (NotLogged) where something is lost by
  /// that.
  LogFile& file();
  void log_action();
  void carry_out();
  std::vector<LoggedService> logged_services();
  void refuse_if_running();
  void make_child();
  void limit_processes();
  void log_birth();
  void refuse_if_second();
  void release();
  bool runs_program(const ProcessReading& child) const;
  void store_first_image();
  void store_last_image();
  void store_image(const ProcessImage& image);
  void finish(int exit_code);
  void finish_failed(int exit_code) noexcept;

  Platform& platform_;
  const Redactor& redactor_;
  ServiceRequest request_;
  std::filesystem::path database_;
  std::optional<LogFile> file_;
  HostReading host_;
  CallerReading caller_;
  std::int64_t boot_id_ = 0;
  std::int64_t last_seen_id_ = 0;  ///< of the services of that name that were there before
  std::string marker_;
  Command command_;
  std::optional<std::string> group_;
  std::unique_ptr<WaitingProcess> child_;
  std::unique_ptr<ProcessHandle> handle_;
  std::int64_t started_boot_us_ = 0;
  std::int64_t log_size_before_ = 0;
  std::shared_ptr<const ProcessImage> waiting_image_;  ///< what it ran before its program
  bool released_ = false;
  std::optional<ImageRow> stored_image_;
  ServiceReport report_;
};

}  // namespace galproc
