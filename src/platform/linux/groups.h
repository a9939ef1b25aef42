#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "platform/platform.h"

namespace galproc {

/// Where the hierarchy of control groups of version 2 is mounted, and which part of it: of /proc/self/mountinfo
/// (proc_pid_mountinfo(5)).
struct GroupMount {
  std::string folder;  ///< "/sys/fs/cgroup"
  std::string root;    ///< the group that stands there: "/"
};
std::optional<GroupMount> parse_group_mount(std::string_view mountinfo);

/// The group of version 2 in the text of /proc/PID/cgroup; empty where there is none.
std::optional<std::string> parse_unified_group(std::string_view text);

/// As the functions of Platform of the same names.
std::optional<ControlGroup> killable_group(std::int64_t pid);
std::optional<std::vector<std::int64_t>> group_members(const std::string& path);
Delivery freeze_group(const std::string& path);
void thaw_group(const std::string& path) noexcept;
Delivery kill_group(const std::string& path);
std::optional<std::string> make_group(const std::string& name);
/// By the controller `pids`, which is given to the group where the one above it has it.
bool limit_group(const std::string& path, std::int64_t processes);
void remove_group(const std::string& path);

}  // namespace galproc
