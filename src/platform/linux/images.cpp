// What a process runs, read once at its birth and at each exec. Of the environment nothing is kept but the virtual
// environment's folder and galproc's own marker: it is where secrets live.

#include <fcntl.h>
#include <pwd.h>

#include "platform/linux/processes.h"

namespace galproc {

namespace {

constexpr std::size_t kArgumentLimit = 64 * 1024;
constexpr std::size_t kEnvironmentLimit = 1024 * 1024;

/// A kernel worker shows its present work behind its own name: "kworker/u8:2-events_unbound".
std::string worker_name(const std::string& comm) {
  const std::size_t colon = comm.find(':');
  return comm.starts_with("kworker/") && colon != std::string::npos ? comm.substr(0, comm.find_first_of("-+", colon))
                                                                    : comm;
}

}  // namespace

std::shared_ptr<const ProcessImage> ProcessReader::read_image(int folder, const StatLine& line, bool kernel_thread,
                                                              std::optional<std::int64_t>& peak_resident_bytes) {
  auto image = std::make_shared<ProcessImage>();
  if (const auto text = read_file(folder, "status", 16384)) {
    const StatusFields status = parse_status(*text);
    image->user_id = status.effective_uid;
    peak_resident_bytes = status.peak_resident_bytes;
  }
  if (image->user_id) image->user_name = user_name(*image->user_id);
  if (const auto text = read_file(folder, "cgroup", 65536)) image->cgroup = parse_cgroup(*text);
  const bool has_memory = !kernel_thread && line.state != 'Z' && line.state != 'X';
  if (has_memory) {
    image->executable = read_link(folder, "exe");
    image->working_directory = read_link(folder, "cwd");
    if (const auto text = read_file(folder, "cmdline", kArgumentLimit, &image->arguments_truncated)) {
      // Nothing at all, and no place where it would stand (yet): not readable rather than empty.
      if (!text->empty() || (line.argument_start != 0 && !is_in_exec(line))) image->arguments = split_arguments(*text);
    }
    const auto environment = read_file(folder, "environ", kEnvironmentLimit);
    if (environment) {
      image->service_marker = find_variable(*environment, "GALPROC_SERVICE");
      image->venv = find_variable(*environment, "VIRTUAL_ENV");
      if (image->venv && image->venv->empty()) image->venv.reset();
      if (image->venv) image->venv_evidence = "environment";
    }
  }
  image->name = kernel_thread ? worker_name(line.comm) : complete_name(line.comm, image->executable, image->arguments);
  return image;
}

std::optional<std::string> ProcessReader::user_name(std::int64_t uid) {
  // Names come from /etc/passwd or a directory server: kept for a while, not for ever, since uids are given out again.
  constexpr std::uint64_t kPasses = 64;
  if (pass_no_ - names_since_pass_ >= kPasses) {
    user_names_.clear();
    names_since_pass_ = pass_no_;
  }
  const auto known = user_names_.find(uid);
  if (known != user_names_.end()) return known->second;
  std::optional<std::string> name;
  passwd entry{};
  passwd* found = nullptr;
  std::string buffer(16384, '\0');
  if (::getpwuid_r(static_cast<uid_t>(uid), &entry, buffer.data(), buffer.size(), &found) == 0 && found) {
    name = found->pw_name;
  }
  user_names_.emplace(uid, name);
  return name;
}

}  // namespace galproc
