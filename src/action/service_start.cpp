#include "action/service_start.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

#include "action/log_rows.h"
#include "action/service_watch.h"
#include "model/errors.h"
#include "store/service_rows.h"

namespace galproc {

namespace {

/// 16 random hex digits: tell one start of a service from all others.
std::string random_digits() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}", random(), random());
}

/// A control group's name from a service's: no dots at its front, no words of the kernel's own.
std::string group_name(const std::string& service, const std::string& digits) {
  return "service-" + service + "-" + digits;
}

const ProcessReading* find(const ProcessPass& pass, const ProcessKey& key) {
  const auto found = std::find_if(pass.processes.begin(), pass.processes.end(),
                                  [&](const ProcessReading& process) { return process.key == key; });
  return found == pass.processes.end() ? nullptr : &*found;
}

}  // namespace

ServiceStart::ServiceStart(Platform& platform, std::filesystem::path database, const Redactor& redactor,
                           ServiceRequest request)
    : platform_(platform), redactor_(redactor), request_(std::move(request)), database_(std::move(database)) {}

LogFile& ServiceStart::file() {
  if (file_->has_lost_companions() && !file_->open_again()) {
    throw Error(ExitCode::NotLogged, "What was logged is gone from the database " + database_.string() +
                                         ": its -wal was removed meanwhile.");
  }
  return *file_;
}

ServiceReport ServiceStart::run() {
  host_ = platform_.host();
  caller_ = platform_.caller();
  file_.emplace(platform_, database_, redactor_);
  log_action();
  try {
    carry_out();
  } catch (const Error& error) {
    finish_failed(static_cast<int>(error.code()));
    if (!released_ && error.code() == ExitCode::NotLogged) {
      throw Error(error.code(), error.what() + std::string(" Nothing was started."));
    }
    if (!released_) throw;
    throw Error(error.code(), fmt::format("{} The service {} (pid {}) was started and keeps running.", error.what(),
                                          request_.name, report_.key.pid));
  }
  try {
    finish(report_.exit_code);
  } catch (const Error& error) {
    report_.problems.emplace_back(error.what());
    report_.exit_code = static_cast<int>(error.code());
  }
  return report_;
}

void ServiceStart::log_action() {
  const ProcessPass pass = platform_.read_processes();
  const Clocks now = platform_.clocks();
  file().commit([&](ActionWriter& writer) {
    boot_id_ = writer.processes().boot_id_of(host_);
    report_.action_id = LogRows(writer, redactor_, now, boot_id_, pass).add_action("start", caller_, request_.reason);
  });
}

void ServiceStart::carry_out() {
  refuse_if_running();
  make_child();
  log_birth();
  refuse_if_second();
  release();
  store_first_image();
  const LoggedService service{0, marker_, report_.key, true, group_};
  ServiceWatch(platform_, redactor_, request_, {service, handle_.get(), started_boot_us_, log_size_before_}, report_)
      .run();
  store_last_image();
}

/// Of that name, whether they run or not.
std::vector<LoggedService> ServiceStart::logged_services() {
  std::vector<LoggedService> services;
  file().log().ask([&](SQLite::Database& database) { services = services_named(database, host_, request_.name); });
  return services;
}

void ServiceStart::refuse_if_running() {
  const ProcessPass pass = platform_.read_processes();
  for (const LoggedService& service : logged_services()) {
    if (const auto members = living_members(pass, service); !members.empty()) {
      throw Error(
          ExitCode::Failed,
          fmt::format("The service {} runs already (pid {}). End it with `galproc stop {}`, or give the new one "
                      "another --name.",
                      request_.name, members.front()->key.pid, request_.name));
    }
    // Left by one that ended by itself.
    if (service.cgroup && service.this_boot) platform_.remove_group(*service.cgroup);
    last_seen_id_ = service.service_id;
  }
}

void ServiceStart::make_child() {
  const std::string digits = random_digits();
  marker_ = request_.name + "#" + digits;
  command_ = resolve_command(request_.command, marker_, platform_);
  if (request_.make_log_folder) platform_.make_shared_folder(request_.log_path.parent_path());
  std::error_code no_file;
  const auto size = std::filesystem::file_size(request_.log_path, no_file);
  log_size_before_ = no_file ? 0 : static_cast<std::int64_t>(size);

  SpawnRequest spawn;
  spawn.program = command_.program;
  spawn.arguments = command_.arguments;
  spawn.environment = command_.environment;
  spawn.working_directory = request_.command.working_directory;
  spawn.log_path = request_.log_path;
  spawn.address_space_bytes = request_.address_space_bytes;
  spawn.open_files = request_.open_files;
  spawn.user_processes = request_.user_processes;
  group_ = platform_.make_group(group_name(request_.name, digits));
  spawn.group = group_;
  child_ = platform_.spawn(spawn);
  report_.key = child_->key();
  if (group_ && !child_->is_in_group()) {
    platform_.remove_group(*group_);
    group_.reset();
  }
  limit_processes();
  handle_ = platform_.open_process(report_.key).handle;
}

/// The limit that a process is given counts its user's processes, and the kernel lets root pass it.
void ServiceStart::limit_processes() {
  if (!request_.user_processes || caller_.user_id != 0) return;
  if (group_ && platform_.limit_group(*group_, *request_.user_processes)) return;
  report_.warnings.push_back(
      "--max-processes does not hold " + request_.name +
      ": it runs as root, whom the system does not count, and no control group with a limit can be made for it.");
}

void ServiceStart::log_birth() {
  const ProcessPass pass = platform_.read_processes();
  const ProcessReading* child = find(pass, report_.key);
  if (!child || child->ended) {
    throw Error(ExitCode::Failed, "The new process ended before its program could be run. Was it killed?");
  }
  const Clocks now = platform_.clocks();
  started_boot_us_ = child->started_boot_us;
  waiting_image_ = child->image;
  report_.started_us = now.wall_us - now.boot_us + started_boot_us_;
  std::int64_t upid = 0;
  file().commit([&](ActionWriter& writer) {
    LogRows rows(writer, redactor_, now, boot_id_, pass);
    upid = rows.upid_without_image(*child);
    ServiceEntry service;
    service.action_id = report_.action_id;
    service.at_us = now.wall_us;
    service.name = request_.name;
    service.marker = marker_;
    service.upid = upid;
    service.venv = request_.command.venv;
    service.arguments = command_.arguments;
    service.working_directory = request_.command.working_directory.string();
    service.log_path = request_.log_path.string();
    service.cgroup = group_;
    writer.add_service(service);
  });
  report_.upid = upid;
  // Who looks for what was started looks into the file of that name.
  if (file_->was_moved()) {
    throw Error(ExitCode::NotLogged, "The database " + database_.string() + " was replaced while it was logged to.");
  }
}

/// Two may have looked at the same time. Their rows are in order: the first of them stays.
void ServiceStart::refuse_if_second() {
  for (const LoggedService& service : logged_services()) {
    if (service.marker == marker_) return;
    if (service.service_id <= last_seen_id_ || !service.this_boot) continue;
    const ProcessPass pass = platform_.read_processes();
    if (const auto members = living_members(pass, service); !members.empty()) {
      throw Error(ExitCode::Failed, fmt::format("The service {} was just started by another galproc (pid {}).",
                                                request_.name, members.front()->key.pid));
    }
  }
}

void ServiceStart::release() {
  child_->release();
  released_ = true;
}

/// Not by its marker, which the program may have thrown away already.
bool ServiceStart::runs_program(const ProcessReading& child) const {
  return child.image && child.image != waiting_image_ && child.image->arguments;
}

/// The kernel shows the new image a moment after the program runs.
void ServiceStart::store_first_image() {
  constexpr int kLooks = 40;
  constexpr std::int64_t kStepUs = 5000;
  for (int look = 0; look < kLooks; ++look) {
    const ProcessPass pass = platform_.read_processes();
    const ProcessReading* child = find(pass, report_.key);
    if (!child || child->ended) break;
    if (runs_program(*child)) return store_image(*child->image);
    if (platform_.sleep_until(platform_.clocks().boot_us + kStepUs) == Wake::Stop) break;
  }
  ProcessImage image;  // of one that was too quick to be seen
  image.name = command_.program.filename().string();
  image.executable = command_.program.string();
  image.arguments = command_.arguments;
  image.working_directory = request_.command.working_directory.string();
  image.venv = request_.command.venv;
  if (image.venv) image.venv_evidence = "environment";
  image.service_marker = marker_;
  image.user_id = caller_.user_id;
  image.user_name = caller_.user_name;
  store_image(image);
}

/// A wrapper may have become what it wraps meanwhile.
void ServiceStart::store_last_image() {
  const ProcessPass pass = platform_.read_processes();
  const ProcessReading* child = find(pass, report_.key);
  if (child && !child->ended && runs_program(*child)) store_image(*child->image);
}

void ServiceStart::store_image(const ProcessImage& image) {
  const ImageRow row = stored_image(image, &redactor_);
  report_.name = row.name;
  if (row == stored_image_) return;
  const Clocks now = platform_.clocks();
  file().commit([&](ActionWriter& writer) {
    ProcessStore& store = writer.processes();
    const auto last = store.last_image(report_.upid);  // a recorder may have met it already
    if (last.image_no == 0 || last.image != row) {
      store.add_image(report_.upid, last.image_no + 1, now.wall_us, row);
    }
  });
  stored_image_ = row;
}

void ServiceStart::finish(int exit_code) {
  const Clocks now = platform_.clocks();
  const bool ended = report_.upid != 0 && (!handle_ || handle_->has_ended());
  const auto wait_status = handle_ && ended ? handle_->wait_status() : std::nullopt;
  file().commit([&](ActionWriter& writer) {
    if (ended && handle_) {
      ExitRow exit;
      exit.source = Witness::Action;
      exit.ended_us = now.wall_us;
      exit.wait_status = wait_status;
      writer.processes().add_exit(report_.upid, exit);
    }
    writer.add_action_outcome(report_.action_id, now.wall_us, exit_code);
  });
  if (ended && group_) platform_.remove_group(*group_);
}

/// What stopped it halfway is told anyhow; where this cannot be logged either, the action stays without an outcome.
void ServiceStart::finish_failed(int exit_code) noexcept {
  try {
    if (!released_) {
      // Without having been released it ends.
      if (child_ && handle_) {
        child_.reset();
        platform_.wait_for_ends({handle_.get()}, platform_.clocks().boot_us + 1'000'000);
      }
      child_.reset();
      if (group_) platform_.remove_group(*group_);
    }
    finish(exit_code);
  } catch (const std::exception&) {
    return;
  }
}

}  // namespace galproc
