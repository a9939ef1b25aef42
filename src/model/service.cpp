#include "model/service.h"

#include <algorithm>
#include <string_view>
#include <tuple>

namespace galproc {

namespace {

/// Whether `group`, as the process itself is shown its control group, goes through the folder of that name. The name
/// has random digits, and so it says enough: what stands before it depends on the namespace of whoever looks.
bool goes_through(std::string_view group, std::string_view folder) {
  const std::string_view name = folder.substr(folder.rfind('/') + 1);
  if (name.empty()) return false;
  for (std::size_t at = group.find(name); at != std::string_view::npos; at = group.find(name, at + 1)) {
    const std::size_t end = at + name.size();
    if (at > 0 && group[at - 1] == '/' && (end == group.size() || group[end] == '/')) return true;
  }
  return false;
}

}  // namespace

std::optional<std::string> service_tie(const ProcessReading& process, const LoggedService& service) {
  if (service.this_boot && process.key == service.key) return "service";
  if (!process.image) return std::nullopt;
  if (process.image->service_marker == service.marker) return "marker";
  if (process.image->service_marker) return std::nullopt;  // a service that was started from within stands by itself
  const auto& group = process.image->cgroup;
  if (group && service.cgroup && goes_through(*group, *service.cgroup)) return "cgroup";
  return std::nullopt;
}

std::optional<std::string> service_tie(const ProcessReading& process, const std::vector<LoggedService>& services) {
  for (const LoggedService& service : services) {
    if (auto tie = service_tie(process, service)) return tie;
  }
  return std::nullopt;
}

std::vector<const ProcessReading*> living_members(const ProcessPass& pass, const LoggedService& service) {
  std::vector<const ProcessReading*> members;
  for (const ProcessReading& process : pass.processes) {
    if (!process.ended && service_tie(process, service)) members.push_back(&process);
  }
  std::sort(members.begin(), members.end(), [](const ProcessReading* a, const ProcessReading* b) {
    return std::tie(a->key.start_token, a->key.pid) < std::tie(b->key.start_token, b->key.pid);
  });
  return members;
}

}  // namespace galproc
