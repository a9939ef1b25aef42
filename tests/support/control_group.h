#pragma once

// Control groups of version 2 for tests: made where this user may make them, and gone with the object.

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace galproc {

/// The folder of all of them; empty where there is none.
inline std::filesystem::path group_mount() {
  std::ifstream mounts("/proc/self/mounts");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string device, folder, type;
    if (words >> device >> folder >> type && type == "cgroup2") return folder;
  }
  return {};
}

/// The group of a process as the system names it: "/galproc"; empty where there is none.
inline std::string group_name_of(pid_t pid) {
  std::ifstream groups("/proc/" + std::to_string(pid) + "/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (line.starts_with("0::")) return line.substr(3);
  }
  return "";
}

/// Below the top for root, else below the group that the test runs in.
class TestGroup {
 public:
  TestGroup() {
    static int count = 0;
    const std::filesystem::path mount = group_mount();
    if (mount.empty()) {
      reason_ = "there are no control groups of version 2 here";
      return;
    }
    const std::string own = ::geteuid() == 0 ? "" : group_name_of(::getpid()).substr(1);
    const std::string name = "galproc-test-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
    const std::filesystem::path path = mount / own / name;
    if (::mkdir(path.c_str(), 0755) != 0) {
      reason_ = path.string() + " cannot be made: " + std::strerror(errno);
      return;
    }
    path_ = path;
    if (!std::filesystem::exists(path_ / "cgroup.kill")) reason_ = "this system kills no control groups (Linux 5.14)";
  }
  ~TestGroup() {
    if (!path_.empty()) remove();
  }
  TestGroup(const TestGroup&) = delete;
  TestGroup& operator=(const TestGroup&) = delete;

  /// Why no test can be done with it; empty: one can.
  const std::string& reason() const { return reason_; }
  const std::filesystem::path& path() const { return path_; }
  bool exists() const { return std::filesystem::exists(path_); }
  std::filesystem::path make_below(const std::string& name) const {
    ::mkdir((path_ / name).c_str(), 0755);
    return path_ / name;
  }

 private:
  /// Who has ended in it counts for some moments still. Folders only can be removed.
  void remove() const {
    for (int attempt = 0; attempt < 1000 && exists(); ++attempt) {
      remove_with_all_below(path_);
      if (exists()) ::usleep(5000);
    }
  }
  static void remove_with_all_below(const std::filesystem::path& folder) {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
      if (entry.is_directory(ignored)) remove_with_all_below(entry.path());
    }
    ::rmdir(folder.c_str());
  }

  std::filesystem::path path_;
  std::string reason_;
};

/// Moves a process, 0 for the caller, into a group.
inline bool enter_group(const std::filesystem::path& group, pid_t pid = 0) {
  std::ofstream procs(group / "cgroup.procs");
  procs << pid << std::flush;
  return procs.good();
}

/// A group that holds its members to a number of processes, of the hierarchy of version 1: one of version 2 would also
/// tell who belongs together. Where this user can make none, nothing is bounded.
class BoundedGroup {
 public:
  explicit BoundedGroup(int processes) {
    const std::filesystem::path path = "/sys/fs/cgroup/pids/galproc-test-" + std::to_string(::getpid()) + "-bounded";
    if (::mkdir(path.c_str(), 0755) != 0) return;
    path_ = path;
    std::ofstream(path_ / "pids.max") << processes << std::flush;
  }
  ~BoundedGroup() {
    for (int attempt = 0; attempt < 1000 && !path_.empty() && ::rmdir(path_.c_str()) != 0 && errno == EBUSY;
         ++attempt) {
      ::usleep(5000);  // who has ended in it counts for some moments still
    }
  }
  BoundedGroup(const BoundedGroup&) = delete;
  BoundedGroup& operator=(const BoundedGroup&) = delete;

  bool exists() const { return !path_.empty(); }
  void enter() const {
    if (exists()) enter_group(path_);
  }

 private:
  std::filesystem::path path_;
};

/// Removes groups that `start` made, one a line, with the folder of all where that is empty; whether they are gone.
inline bool remove_made_groups(const std::string& lines) {
  bool all = true;
  std::istringstream groups(lines);
  for (std::string line; std::getline(groups, line);) {
    if (::rmdir(line.c_str()) != 0 && errno != ENOENT) all = false;
    const std::filesystem::path parent = std::filesystem::path(line).parent_path();
    if (parent.filename() == "galproc") ::rmdir(parent.c_str());
  }
  return all;
}

}  // namespace galproc
