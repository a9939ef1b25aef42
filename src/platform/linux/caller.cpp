// Who runs galproc, and what stands around it: its terminal, its pipeline, the disk that it is to log to.

#include "platform/linux/caller.h"

#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <map>

#include "platform/environment.h"
#include "platform/linux/proc_text.h"
#include "platform/posix/descriptor.h"

namespace galproc {

namespace {

namespace fs = std::filesystem;

std::string text_of(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  constexpr std::size_t kLimit = 4U << 20;
  if (!file || read_whole(file.get(), text, kLimit) != 0) text.clear();
  return text;
}

std::optional<std::string> link_target(const std::string& path) {
  std::string target(4096, '\0');
  const ssize_t got = ::readlink(path.c_str(), target.data(), target.size());
  if (got < 0) return std::nullopt;
  target.resize(static_cast<std::size_t>(got));
  return target;
}

std::optional<std::int64_t> login_id() {
  const std::string text = text_of("/proc/self/loginuid");
  constexpr std::int64_t kNobodyLoggedIn = 4294967295;
  std::int64_t id = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), id).ec != std::errc() || id == kNobodyLoggedIn)
    return std::nullopt;
  return id;
}

/// Whether a process has a descriptor that reads one of these pipes. The link's own mode tells which way it goes.
bool reads_one_of(const std::string& folder, const std::vector<std::string>& pipes) {
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(folder, failed)) {
    const auto target = link_target(entry.path().string());
    struct stat status {};
    for (const std::string& pipe : pipes) {
      if (target == pipe && ::lstat(entry.path().c_str(), &status) == 0 && (status.st_mode & S_IRUSR) != 0) return true;
    }
  }
  return false;
}

}  // namespace

CallerReading read_caller(const ProcessKey& self) {
  CallerReading caller;
  caller.key = self;
  if (const auto line = parse_stat(text_of("/proc/self/stat"))) {
    caller.name = line->comm;
    caller.terminal = terminal_name(line->terminal);
  }
  caller.user_id = ::geteuid();
  if (const passwd* entry = ::getpwuid(::geteuid())) caller.user_name = entry->pw_name;
  caller.login_id = login_id();
  caller.sudo_user = environment_variable("SUDO_USER");
  caller.working_directory = link_target("/proc/self/cwd");
  caller.arguments = split_arguments(text_of("/proc/self/cmdline"));
  std::string host(256, '\0');
  if (::gethostname(host.data(), host.size() - 1) == 0) caller.host_name = host.c_str();
  return caller;
}

std::vector<std::int64_t> readers_of_output() {
  std::vector<std::string> pipes;
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
    const auto target = link_target("/proc/self/fd/" + std::to_string(fd));
    if (target && target->starts_with("pipe:")) pipes.push_back(*target);
  }
  std::vector<std::int64_t> readers;
  if (pipes.empty()) return readers;
  const std::int64_t own_group = ::getpgrp();
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator("/proc", failed)) {
    const auto line = parse_stat(text_of((entry.path() / "stat").string()));
    if (!line || line->pid == ::getpid() || line->process_group != own_group) continue;
    if (reads_one_of((entry.path() / "fd").string(), pipes)) readers.push_back(line->pid);
  }
  return readers;
}

std::optional<std::string> terminal_name(std::int64_t device) {
  const auto number = static_cast<dev_t>(device);
  const auto major_number = major(number), minor_number = minor(number);
  constexpr unsigned kConsole = 4, kFirstPseudo = 136, kLastPseudo = 143, kFirstSerial = 64;
  if (major_number >= kFirstPseudo && major_number <= kLastPseudo) {
    return "/dev/pts/" + std::to_string((major_number - kFirstPseudo) * 256 + minor_number);
  }
  if (major_number != kConsole) return std::nullopt;
  return minor_number < kFirstSerial ? "/dev/tty" + std::to_string(minor_number)
                                     : "/dev/ttyS" + std::to_string(minor_number - kFirstSerial);
}

std::optional<std::string> network_file_system_name(std::int64_t magic) {
  // statfs(2), linux/magic.h. FUSE is among them: what answers behind it cannot be told, sshfs for one.
  static const std::map<std::int64_t, const char*> kNames{
      {0x6969, "nfs"},      {0x517B, "smb"},       {0xFF534D42, "cifs"}, {0xFE534D42, "smb2"},
      {0x01021997, "9p"},   {0x65735546, "fuse"},  {0x00c36400, "ceph"}, {0x5346414F, "afs"},
      {0x73757245, "coda"}, {0x7461636f, "ocfs2"}, {0x01161970, "gfs2"}, {0x0BD00BD0, "lustre"}};
  const auto found = kNames.find(magic);
  return found == kNames.end() ? std::nullopt : std::optional<std::string>(found->second);
}

std::optional<std::string> network_file_system(const fs::path& path) {
  struct statfs status {};
  for (fs::path at = path; ::statfs(at.empty() ? "." : at.c_str(), &status) != 0; at = at.parent_path()) {
    if (at.empty() || at == at.parent_path()) return std::nullopt;
  }
  return network_file_system_name(static_cast<std::int64_t>(static_cast<std::uint32_t>(status.f_type)));
}

}  // namespace galproc
