#include "action/plan.h"

#include <algorithm>
#include <unordered_map>

namespace galproc {

namespace {

Target refuse_number(std::int64_t pid, const char* refusal) {
  Target target;
  target.process.key.pid = pid;
  target.why = "pid";
  target.refused = refusal;
  return target;
}

/// One that has ended and that its parent has not waited for: who asks for it by its number alone means it.
const ProcessReading* ended_of(const World& world, const Selectors& selectors, std::int64_t pid) {
  Selectors others = selectors;
  others.pids.clear();
  if (!others.empty()) return nullptr;
  for (const ProcessReading& process : world.processes.processes) {
    if (process.key.pid == pid && process.ended) return &process;
  }
  return nullptr;
}

/// The roots that may be ended, with all that belongs to them.
void add_tree(const World& world, const KillRequest& request, const Guard& guard, const CreatorOf& creator_of,
              Plan& plan) {
  std::unordered_map<ProcessKey, std::string, ProcessKeyHash> why_root;
  std::vector<ProcessKey> roots;
  for (const Target& target : plan.targets) {
    if (target.refused) continue;
    roots.push_back(target.process.key);
    why_root.emplace(target.process.key, target.why);
  }
  std::erase_if(plan.targets, [](const Target& target) { return !target.refused; });
  if (roots.empty()) return;
  plan.tree = std::make_unique<Tree>(roots, request.selectors.services, creator_of);
  std::unordered_map<ProcessKey, const ProcessReading*, ProcessKeyHash> reading_of;
  for (const ProcessReading& process : world.processes.processes) reading_of.emplace(process.key, &process);
  const auto refusal_of = [&](const ProcessReading& process) { return guard.refusal(process); };
  for (const Tree::Member& member : plan.tree->grow(world.processes, refusal_of)) {
    const auto root = why_root.find(member.key);
    plan.targets.push_back(
        {*reading_of.at(member.key), root == why_root.end() ? member.why : root->second, member.refused});
  }
}

}  // namespace

Plan make_plan(const World& world, const KillRequest& request, const Guard& guard, const CreatorOf& creator_of) {
  Plan plan;
  const Selection selection = select(world, request.selectors);
  std::vector<Target> ended;
  for (const std::int64_t pid : selection.missing_pids) {
    if (pid == 0) {
      plan.targets.push_back(refuse_number(pid, "is the kernel's own number, no process"));
    } else if (const ProcessReading* process = ended_of(world, request.selectors, pid)) {
      ended.push_back({*process, "pid", guard.refusal(*process)});
    } else {
      plan.missing_pids.push_back(pid);
    }
  }
  for (const SocketReading* socket : selection.hidden_holders) {
    plan.hidden.push_back(std::string(to_text(socket->protocol)) + " " + socket->address + ":" +
                          std::to_string(socket->port));
  }
  for (const Match& match : selection.matches) {
    plan.targets.push_back({*match.process, match.why, guard.refusal(*match.process)});
  }
  if (request.tree) add_tree(world, request, guard, creator_of, plan);
  for (const Target& target : plan.targets) {
    if (target.refused) continue;
    if (const auto supervisor = supervisor_of(target.process, world.processes)) {
      plan.warnings.push_back("pid " + std::to_string(target.process.key.pid) + " may be started again by " +
                              *supervisor + ": stop it there to be rid of it.");
    }
  }
  plan.targets.insert(plan.targets.end(), ended.begin(), ended.end());
  return plan;
}

ExitCode exit_code_of(const std::vector<Fate>& fates) {
  const auto count = [&](Fate fate) { return std::count(fates.begin(), fates.end(), fate); };
  if (fates.empty()) return ExitCode::NotFound;
  const auto gone = count(Fate::Gone), left = count(Fate::Left), refused = count(Fate::Refused);
  if (gone > 0) return left + refused == 0 ? ExitCode::Done : ExitCode::StillThere;
  if (refused > 0) return ExitCode::Refused;
  return left == 0 ? ExitCode::NotFound : ExitCode::StillThere;
}

}  // namespace galproc
