#include "action/selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "model/process_name.h"
#include "model/venv.h"

namespace galproc {

namespace {

bool contains(const auto& values, const auto& value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

class Selector {
 public:
  Selector(const World& world, const Selectors& wanted) : wanted_(wanted) {
    for (const SocketReading& socket : world.sockets.sockets) {
      if (!contains(wanted.ports, socket.port)) continue;
      for (const ProcessKey& holder : socket.holders) port_of_.emplace(holder, socket.port);
    }
  }

  /// What of each kind that was asked for it matched, or empty where it does not match one of them.
  std::optional<Match> match(const ProcessReading& process) const {
    static const ProcessImage kNothingKnown;
    const ProcessImage& image = process.image ? *process.image : kNothingKnown;
    Match match{&process, "", {}};
    const auto narrow = [&](bool asked, const std::optional<std::string>& reason) {
      if (asked && reason) match.why += (match.why.empty() ? "" : ", ") + *reason;
      return !asked || reason.has_value();
    };
    const auto say = [](bool holds, const char* reason) {
      return holds ? std::optional<std::string>(reason) : std::nullopt;
    };
    if (!narrow(!wanted_.pids.empty(), say(contains(wanted_.pids, process.key.pid), "pid"))) return std::nullopt;
    if (!narrow(!wanted_.ports.empty(), port_reason(process.key))) return std::nullopt;
    if (!narrow(!wanted_.names.empty(), say(has_name(image), "name"))) return std::nullopt;
    match.venv = venv_of(image);
    const auto venv = match.venv ? std::optional(fmt::format("venv ({})", match.venv->evidence)) : std::nullopt;
    if (!narrow(wanted_.by_venv(), venv)) return std::nullopt;
    if (!narrow(!wanted_.users.empty(), say(is_users(image), "user"))) return std::nullopt;
    const bool is_service = wanted_.by_service && service_tie(process, wanted_.services);
    if (!narrow(wanted_.by_service, say(is_service, "service"))) return std::nullopt;
    return match;
  }

 private:
  std::optional<std::string> port_reason(const ProcessKey& key) const {
    const auto held = port_of_.find(key);
    return held == port_of_.end() ? std::nullopt : std::optional(fmt::format("port {}", held->second));
  }
  bool has_name(const ProcessImage& image) const {
    return std::any_of(wanted_.names.begin(), wanted_.names.end(),
                       [&](const std::string& name) { return is_same_name(name, image.name); });
  }
  bool is_users(const ProcessImage& image) const {
    return (image.user_name && contains(wanted_.users, *image.user_name)) ||
           (image.user_id && contains(wanted_.users, std::to_string(*image.user_id)));
  }
  std::optional<VenvMatch> venv_of(const ProcessImage& image) const {
    for (const std::string& folder : wanted_.venvs) {
      if (const auto evidence = venv_evidence(image, folder)) return VenvMatch{folder, *evidence};
    }
    for (const std::string& folder : wanted_.gone_venvs) {
      if (const auto evidence = gone_venv_evidence(image, folder)) return VenvMatch{folder, *evidence};
    }
    return std::nullopt;
  }

  const Selectors& wanted_;
  std::unordered_map<ProcessKey, std::int64_t, ProcessKeyHash> port_of_;  ///< of who holds one that was asked for
};

/// One that has ended is not there any more, and neither is one that only its number is known of.
std::vector<std::int64_t> missing_of(const World& world, const std::vector<std::int64_t>& pids) {
  std::unordered_set<std::int64_t> there;
  for (const ProcessReading& process : world.processes.processes) {
    if (!process.ended) there.insert(process.key.pid);
  }
  std::vector<std::int64_t> missing;
  for (const std::int64_t pid : pids) {
    if (!there.contains(pid) && !contains(missing, pid)) missing.push_back(pid);
  }
  return missing;
}

}  // namespace

Selection select(const World& world, const Selectors& selectors) {
  Selection selection;
  const Selector selector(world, selectors);
  for (const ProcessReading& process : world.processes.processes) {
    if (process.ended) continue;
    if (auto match = selector.match(process)) selection.matches.push_back(std::move(*match));
  }
  std::sort(selection.matches.begin(), selection.matches.end(),
            [](const Match& a, const Match& b) { return a.process->key.pid < b.process->key.pid; });
  selection.missing_pids = missing_of(world, selectors.pids);
  for (const SocketReading& socket : world.sockets.sockets) {
    if (socket.holders.empty() && contains(selectors.ports, socket.port)) selection.hidden_holders.push_back(&socket);
  }
  return selection;
}

}  // namespace galproc
