// What a process runs, read once at its birth and at each exec. Of the environment nothing is kept but the virtual
// environment's folder and galproc's own marker: it is where secrets live.

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>

#include "platform/linux/processes.h"

namespace galproc {

namespace {

constexpr std::size_t kArgumentLimit = 64 * 1024;
constexpr std::size_t kEnvironmentLimit = 1024 * 1024;

bool has_venv_config(const std::string& folder) {
  struct stat status {};
  return ::stat((folder + "/pyvenv.cfg").c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

/// The virtual environment that a program path ("X/bin/python") lies in.
std::optional<std::string> venv_of_program(const std::string& program, const std::optional<std::string>& folder) {
  const std::size_t bin = program.rfind("/bin/");
  if (bin == std::string::npos || program.find('/', bin + 5) != std::string::npos) return std::nullopt;
  std::string venv = program.substr(0, bin);
  if (venv.empty()) return std::nullopt;
  if (venv.front() != '/') {
    if (!folder) return std::nullopt;
    venv = *folder + "/" + venv;
  }
  if (!has_venv_config(venv)) return std::nullopt;
  return venv;
}

void find_venv(ProcessImage& image, const std::optional<std::string>& environment) {
  if (environment) {
    image.venv = find_variable(*environment, "VIRTUAL_ENV");
    if (image.venv && image.venv->empty()) image.venv.reset();
    if (image.venv) image.venv_evidence = "environment";
  }
  if (!image.venv && image.arguments && !image.arguments->empty()) {
    image.venv = venv_of_program(image.arguments->front(), image.working_directory);
    if (image.venv) image.venv_evidence = "command_line";
  }
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
      image->arguments = split_arguments(*text);
    }
    const auto environment = read_file(folder, "environ", kEnvironmentLimit);
    if (environment) image->service_marker = find_variable(*environment, "GALPROC_SERVICE");
    find_venv(*image, environment);
  }
  image->name = kernel_thread ? line.comm : complete_name(line.comm, image->executable, image->arguments);
  return image;
}

std::optional<std::string> ProcessReader::user_name(std::int64_t uid) {
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
