#include <fmt/format.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <memory>

#include "action/selection.h"
#include "cli/command.h"
#include "cli/look.h"
#include "model/descendants.h"
#include "model/process_name.h"
#include "model/text.h"
#include "platform/platform.h"

namespace galproc {

namespace {

constexpr const char* kDescription =
    "Find the service behind a shell: the process of that name that descends from PID (PID itself counts), the\n"
    "nearest one, of several the one with the lowest pid. Without one: who of them holds the port, else whoever does.\n"
    "\n"
    "Examples:\n"
    "  galproc resolve 4242 --name node\n"
    "  galproc resolve 4242 --name node --port 8080\n"
    "  galproc resolve $! --name python3 --json        right after `sh run.sh &`\n";

/// The flags as they were typed.
struct ResolveFlags {
  std::string pid, name, port;
};

struct Found {
  const ProcessReading* process = nullptr;
  std::optional<std::int64_t> depth;  ///< empty: it does not descend from the one that was named
  const char* via = "";
};

std::optional<Found> find_by_name(const std::vector<Descendant>& family, const std::string& name) {
  const auto named = std::find_if(family.begin(), family.end(), [&](const Descendant& each) {
    return is_same_name(each.process->image->name, name);
  });
  if (named == family.end()) return std::nullopt;
  return Found{named->process, named->depth, named->depth == 0 ? "self" : "descendant"};
}

/// Throws Error (exit 4) where all who hold it are hidden.
std::optional<Found> find_by_port(const World& world, const std::vector<Descendant>& family, std::int64_t port) {
  Selectors selectors;
  selectors.ports = {port};
  const Selection holders = select(world, selectors);
  for (const Descendant& each : family) {
    const auto holds = [&](const Match& match) { return match.process == each.process; };
    if (std::any_of(holders.matches.begin(), holders.matches.end(), holds)) {
      return Found{each.process, each.depth, "port"};
    }
  }
  if (!holders.matches.empty()) return Found{holders.matches.front().process, std::nullopt, "port"};
  if (!holders.hidden_holders.empty()) {
    throw Error(ExitCode::Refused,
                fmt::format("Who holds port {} may not be seen by this user. Try it as root.", port));
  }
  return std::nullopt;
}

ExitCode resolve(const ResolveFlags& flags, const Context& context) {
  if (flags.name.empty()) throw UsageError("--name is needed: what the service behind the shell is called.");
  const std::int64_t pid = parse_pid(flags.pid);
  std::optional<std::int64_t> port;
  if (!flags.port.empty()) port = parse_flag("port", flags.port, parse_port);
  const std::unique_ptr<Platform> platform = make_platform();
  World world{platform->read_processes(), {}};
  const std::vector<Descendant> family = descendants_of(world.processes, pid);
  if (family.empty()) throw Error(ExitCode::NotFound, fmt::format("There is no process {}.", pid));
  auto found = find_by_name(family, flags.name);
  if (!found && port) {
    world.sockets = platform->read_sockets(world.processes);
    found = find_by_port(world, family, *port);
  }
  if (!found) {
    throw Error(ExitCode::NotFound,
                fmt::format("Neither process {} nor any that descends from it is called {}{}.", pid, flags.name,
                            port ? fmt::format(", and nobody holds port {}", *port) : ""));
  }
  RowSet rows;
  rows.columns = {{"pid"}, {"name"}, {"depth"}, {"via"}};
  rows.rows.push_back({found->process->key.pid, found->process->image->name, cell(found->depth), found->via});
  context.print(rows);
  return ExitCode::Done;
}

}  // namespace

void add_resolve(CLI::App& app, Context& context) {
  auto flags = std::make_shared<ResolveFlags>();
  CLI::App* verb = app.add_subcommand("resolve", kDescription);
  verb->footer(kCommonFlagsNote);
  verb->add_option("PID", flags->pid, "The shell, or whatever started the service")->required();
  verb->add_option("--name", flags->name, "The service's name, whole, ignoring case and a trailing .exe")
      ->type_name("N");
  verb->add_option("--port", flags->port, "The port that it listens on, where the name is not found")->type_name("P");
  context.actions[verb] = [flags, &context] { return resolve(*flags, context); };
}

}  // namespace galproc
