// Control groups of version 2. The folders may lie anywhere, in another place than those of version 1 beside them, and
// may show a part of the whole only.

#include "platform/linux/groups.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <sstream>

#include "platform/linux/errors.h"
#include "platform/posix/descriptor.h"

namespace galproc {

namespace {

namespace fs = std::filesystem;

constexpr const char* kFolderOfAll = "galproc";  // that root made

std::optional<std::string> text_of(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  constexpr std::size_t kLimit = 1U << 20;
  if (!file || read_whole(file.get(), text, kLimit) != 0) return std::nullopt;
  return text;
}

/// Blanks, tabs, newlines and backslashes of a path stand there as three octal digits behind a backslash.
std::string unescape(const std::string& word) {
  std::string plain;
  for (std::size_t i = 0; i < word.size(); ++i) {
    unsigned value = 0;
    const char* digits = word.data() + i + 1;
    if (word[i] == '\\' && i + 3 < word.size() && std::from_chars(digits, digits + 3, value, 8).ptr == digits + 3) {
      plain += static_cast<char>(value);
      i += 3;
    } else {
      plain += word[i];
    }
  }
  return plain;
}

std::optional<fs::path> folder_of(const std::string& group) {
  const auto mountinfo = text_of("/proc/self/mountinfo");
  const auto mount = mountinfo ? parse_group_mount(*mountinfo) : std::nullopt;
  if (!mount) return std::nullopt;
  const std::string below = mount->root == "/" ? "" : mount->root;
  if (!group.starts_with(below)) return std::nullopt;
  return fs::path(mount->folder + group.substr(below.size()));
}

/// Adds the processes of a group and of those below it; false where they cannot all be told.
bool add_members(const fs::path& folder, std::vector<std::int64_t>& pids) {
  const auto text = text_of((folder / "cgroup.procs").string());
  if (!text) return false;
  std::istringstream lines(*text);
  for (std::int64_t pid = 0; lines >> pid;) {
    if (pid == 0) return false;  // one of another pid namespace
    pids.push_back(pid);
  }
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(folder, failed)) {
    if (entry.is_directory(failed) && !add_members(entry.path(), pids)) return false;
  }
  return !failed;
}

Delivery write_to(const std::string& path, const char* digit) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (file && ::write(file.get(), digit, 1) == 1) return {};
  const int code = errno;
  const auto result = code == ENOENT || code == ENODEV  ? Delivery::Result::Gone
                      : code == EACCES || code == EPERM ? Delivery::Result::Denied
                                                        : Delivery::Result::Failed;
  return {result, code, error_text(code)};
}

}  // namespace

std::optional<GroupMount> parse_group_mount(std::string_view mountinfo) {
  std::istringstream lines{std::string(mountinfo)};
  for (std::string line; std::getline(lines, line);) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string::npos || line.compare(dash + 3, 8, "cgroup2 ") != 0) continue;
    std::istringstream words(line.substr(0, dash));
    std::string number, parent, device, root, folder;
    if (words >> number >> parent >> device >> root >> folder) return GroupMount{unescape(folder), unescape(root)};
  }
  return std::nullopt;
}

std::optional<std::string> parse_unified_group(std::string_view text) {
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("0::")) return line.substr(3);
  }
  return std::nullopt;
}

std::optional<ControlGroup> killable_group(std::int64_t pid) {
  const auto text = text_of("/proc/" + std::to_string(pid) + "/cgroup");
  const auto group = text ? parse_unified_group(*text) : std::nullopt;
  if (!group || *group == "/" || group->ends_with(" (deleted)")) return std::nullopt;
  const auto folder = folder_of(*group);
  if (!folder || ::access((*folder / "cgroup.kill").c_str(), W_OK) != 0) return std::nullopt;
  if (::access((*folder / "cgroup.freeze").c_str(), W_OK) != 0) return std::nullopt;
  if (text_of((*folder / "cgroup.freeze").string()) != "0\n") return std::nullopt;  // somebody else's doing
  ControlGroup found;
  found.path = folder->string();
  if (!add_members(*folder, found.pids)) return std::nullopt;
  return found;
}

std::optional<std::vector<std::int64_t>> group_members(const std::string& path) {
  std::vector<std::int64_t> pids;
  return add_members(path, pids) ? std::optional(std::move(pids)) : std::nullopt;
}

Delivery freeze_group(const std::string& path) {
  Delivery delivery = write_to(path + "/cgroup.freeze", "1");
  if (delivery.result != Delivery::Result::Sent) return delivery;
  constexpr int kLooks = 500;
  for (int look = 0; look < kLooks; ++look) {
    const auto events = text_of(path + "/cgroup.events");
    if (events && events->find("frozen 1") != std::string::npos) return {};
    ::usleep(1000);
  }
  thaw_group(path);
  return {Delivery::Result::Failed, ETIMEDOUT, error_text(ETIMEDOUT)};
}

void thaw_group(const std::string& path) noexcept {
  const Descriptor file(::open((path + "/cgroup.freeze").c_str(), O_WRONLY | O_CLOEXEC));
  // A group that is not there any more holds nobody who would wait for it.
  [[maybe_unused]] const auto written = file ? ::write(file.get(), "0", 1) : 0;
}

Delivery kill_group(const std::string& path) {
  return write_to(path + "/cgroup.kill", "1");
}

std::optional<std::string> make_group(const std::string& name) {
  constexpr mode_t kMode = 0755;
  if (::geteuid() != 0) {
    const auto text = text_of("/proc/self/cgroup");
    const auto own = text ? parse_unified_group(*text) : std::nullopt;
    const auto folder = own ? folder_of(*own) : std::nullopt;
    if (!folder) return std::nullopt;
    const fs::path group = *folder / ("galproc-" + name);
    return ::mkdir(group.c_str(), kMode) == 0 ? std::optional(group.string()) : std::nullopt;
  }
  // Below the top, not below galproc's own: that one may be a session's, which ends with its user's leaving.
  const auto mountinfo = text_of("/proc/self/mountinfo");
  const auto mount = mountinfo ? parse_group_mount(*mountinfo) : std::nullopt;
  if (!mount) return std::nullopt;
  const fs::path all = fs::path(mount->folder) / kFolderOfAll, group = all / name;
  // Another galproc that removes its last one takes the folder of all away, too.
  for (int attempt = 0; attempt < 50; ++attempt) {
    if (::mkdir(all.c_str(), kMode) != 0 && errno != EEXIST) return std::nullopt;
    if (::mkdir(group.c_str(), kMode) == 0) return group.string();
    if (errno != ENOENT) return std::nullopt;
  }
  return std::nullopt;
}

bool limit_group(const std::string& path, std::int64_t processes) {
  const auto write_text = [](const fs::path& file, const std::string& text) {
    const Descriptor opened(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
    return opened && ::write(opened.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  };
  const fs::path group(path);
  // A folder above that has processes of its own may not pass a controller on; then there is no such file.
  if (group.parent_path().filename() == "galproc") write_text(group.parent_path() / "cgroup.subtree_control", "+pids");
  return write_text(group / "pids.max", std::to_string(processes));
}

void remove_group(const std::string& path) {
  struct statfs status {};
  if (::statfs(path.c_str(), &status) != 0 || status.f_type != CGROUP2_SUPER_MAGIC) return;
  // Who has just been killed counts until the kernel has taken it apart.
  for (int attempt = 0; attempt < 50 && ::rmdir(path.c_str()) != 0 && errno == EBUSY; ++attempt) ::usleep(2000);
  const fs::path parent = fs::path(path).parent_path();
  if (parent.filename() == kFolderOfAll) ::rmdir(parent.c_str());  // with the last one only: others are in its way
}

}  // namespace galproc
