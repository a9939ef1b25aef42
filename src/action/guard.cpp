#include "action/guard.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "model/process_name.h"

namespace galproc {

namespace {

bool belongs_to(const ProcessImage& image, const std::string& user) {
  return image.user_name == user || (image.user_id && std::to_string(*image.user_id) == user);
}

std::unordered_set<std::int64_t> ancestors_of(std::int64_t pid,
                                              const std::unordered_map<std::int64_t, std::int64_t>& parent_of) {
  std::unordered_set<std::int64_t> ancestors;
  for (auto at = parent_of.find(pid); at != parent_of.end() && at->second > 0; at = parent_of.find(at->second)) {
    if (!ancestors.insert(at->second).second) break;
  }
  return ancestors;
}

/// The last part of a control group's path that names a systemd service; a user's own manager is none.
std::optional<std::string> unit_of(const std::string& cgroup) {
  constexpr std::string_view kEnding = ".service";
  const std::size_t slash = cgroup.rfind('/');
  const std::string last = slash == std::string::npos ? cgroup : cgroup.substr(slash + 1);
  if (!last.ends_with(kEnding) || last.starts_with("user@")) return std::nullopt;
  return last;
}

}  // namespace

bool is_known(const ProcessReading& process) {
  return process.image && (process.image->user_id || process.image->user_name);
}

Guard::Guard(Policy policy, Surroundings surroundings)
    : policy_(std::move(policy)), surroundings_(std::move(surroundings)) {}

void Guard::look_at(const ProcessPass& pass) {
  std::unordered_map<std::int64_t, std::int64_t> parent_of;
  for (const ProcessReading& process : pass.processes) parent_of.emplace(process.key.pid, process.parent_pid);
  own_ancestors_ = ancestors_of(surroundings_.caller.key.pid, parent_of);
  recorders_ancestors_.clear();
  if (surroundings_.recorder_pid) recorders_ancestors_ = ancestors_of(*surroundings_.recorder_pid, parent_of);
}

bool Guard::is_own(std::int64_t pid) const {
  const auto& pipeline = surroundings_.pipeline;
  return pid == surroundings_.caller.key.pid || own_ancestors_.contains(pid) ||
         std::find(pipeline.begin(), pipeline.end(), pid) != pipeline.end();
}

std::optional<std::string> Guard::refusal(const ProcessReading& process) const {
  const std::int64_t pid = process.key.pid;
  const bool administrator = surroundings_.caller.user_id == 0;
  const bool unprotected = policy_.allow_protected && administrator;
  if (pid <= 1) return "is the first process of the machine";
  if (pid == surroundings_.caller.key.pid) return "is galproc itself";
  if (own_ancestors_.contains(pid)) return "is an ancestor of galproc";
  if (process.kernel_thread) return "is a kernel thread";
  const auto& pipeline = surroundings_.pipeline;
  if (std::find(pipeline.begin(), pipeline.end(), pid) != pipeline.end()) return "reads galproc's own output";
  if (pid == surroundings_.recorder_pid && !unprotected) return "is the recorder";
  if (recorders_ancestors_.contains(pid) && !unprotected) return "is an ancestor of the recorder";
  for (const std::string& name : policy_.protect) {
    if (process.image && is_same_name(name, process.image->name) && !unprotected)
      return "is protected by the configuration (protect = \"" + name + "\")";
  }
  if (!is_known(process)) return "has an owner that cannot be read";
  const std::string owner =
      process.image->user_name.value_or(process.image->user_id ? std::to_string(*process.image->user_id) : "somebody");
  if (policy_.required_user && !belongs_to(*process.image, *policy_.required_user)) {
    return "belongs to " + owner + ", not to " + *policy_.required_user;
  }
  if (!policy_.required_user && !administrator && process.image->user_id != surroundings_.caller.user_id) {
    return "belongs to " + owner;
  }
  return std::nullopt;
}

std::optional<std::string> supervisor_of(const ProcessReading& process, const ProcessPass& pass) {
  if (!process.image) return std::nullopt;
  const std::string cgroup = process.image->cgroup.value_or("");
  constexpr std::array kRuntimes{"docker", "libpod", "containerd", "crio", "kubepods", "lxc"};
  for (const char* runtime : kRuntimes) {
    if (cgroup.find(std::string("/") + runtime) != std::string::npos) {
      return std::string("the container runtime (control group ") + cgroup + ")";
    }
  }
  if (const auto unit = unit_of(cgroup)) return "the systemd unit " + *unit;
  for (const ProcessReading& parent : pass.processes) {
    if (parent.key.pid != process.parent_pid || !parent.image) continue;
    const std::string& name = parent.image->name;
    if (name == "supervisord" || name.starts_with("PM2") || name == "runsv" || name == "s6-supervise") {
      return name + " (pid " + std::to_string(parent.key.pid) + ")";
    }
  }
  return std::nullopt;
}

}  // namespace galproc
