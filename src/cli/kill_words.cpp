#include "cli/kill_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace galproc {

namespace {

/// "8080", "8080 or 9090", "a, b or c".
template <typename T>
std::string any_of(const std::vector<T>& values) {
  std::string text;
  for (std::size_t i = 0; i < values.size(); ++i) {
    text += fmt::format("{}{}", i == 0 ? "" : i + 1 == values.size() ? " or " : ", ", values[i]);
  }
  return text;
}

/// Each kind of selector that was used, as it was typed; those kinds narrow each other.
std::vector<std::string> kinds_of(const Selectors& selectors, const std::optional<std::string>& service) {
  std::vector<std::string> venvs = selectors.venvs;
  venvs.insert(venvs.end(), selectors.gone_venvs.begin(), selectors.gone_venvs.end());
  std::vector<std::string> kinds;
  if (!selectors.pids.empty()) kinds.push_back("PID " + any_of(selectors.pids));
  if (!selectors.ports.empty()) kinds.push_back("--port " + any_of(selectors.ports));
  if (!selectors.names.empty()) kinds.push_back("--name " + any_of(selectors.names));
  if (!venvs.empty()) kinds.push_back("--venv " + any_of(venvs));
  if (service) kinds.push_back("--service " + *service);
  return kinds;
}

/// Why nothing was found, where it is not that a PID is not there, which is said of each.
std::string nothing_found(const Selectors& selectors, const std::optional<std::string>& service) {
  if (service && selectors.services.empty()) {
    return "No service " + *service + " was ever started; see `galproc services --all`.";
  }
  const std::vector<std::string> kinds = kinds_of(selectors, service);
  if (kinds.size() > 1) return fmt::format("No process matches {} together.", fmt::join(kinds, " and "));
  if (!selectors.ports.empty()) {
    const std::string ports = any_of(selectors.ports);
    return fmt::format("Nobody listens on TCP port {} or has UDP port {} bound.", ports, ports);
  }
  if (!selectors.names.empty()) return "No process is called " + any_of(selectors.names) + ".";
  if (selectors.by_venv()) return fmt::format("No process belongs to the virtual environment of {}.", kinds.front());
  if (service) return "The service " + *service + " does not run.";
  return "";
}

/// Who has ended and is kept by the system until its parent asks for it.
std::string sentence_of_ended(const ProcessReading& process, const World& world) {
  const auto& processes = world.processes.processes;
  const auto parent = std::find_if(processes.begin(), processes.end(),
                                   [&](const ProcessReading& each) { return each.key.pid == process.parent_pid; });
  return fmt::format("Process {} has ended already; its parent {}{} has not waited for it yet.", process.key.pid,
                     process.parent_pid, parent == processes.end() ? "" : " (" + parent->image->name + ")");
}

}  // namespace

std::string name_of(const ProcessReading& process) {
  return fmt::format("pid {}{}", process.key.pid, process.image ? " (" + process.image->name + ")" : "");
}

void tell_of_plan(const Plan& plan, const World& world, const Selectors& selectors,
                  const std::optional<std::string>& service, const Context& context) {
  for (const std::int64_t pid : plan.missing_pids) context.say(fmt::format("There is no process {}.", pid));
  for (const std::string& socket : plan.hidden) {
    context.say("The holder of " + socket + " may not be seen by this user: try as root.");
  }
  // Whose holder may not be seen may match all that was asked for.
  if (plan.targets.empty() && plan.hidden.empty()) {
    const std::string reason = nothing_found(selectors, service);
    if (!reason.empty()) context.say(reason);
  }
  for (const Target& target : plan.targets) {
    if (target.process.ended) context.say(sentence_of_ended(target.process, world));
    if (target.refused) context.say(name_of(target.process) + " is left alone: it " + *target.refused + ".");
  }
  for (const std::string& warning : plan.warnings) context.say(warning);
}

}  // namespace galproc
