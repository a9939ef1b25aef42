#include <fmt/format.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <memory>

#include "action/selection.h"
#include "cli/command.h"
#include "cli/look.h"
#include "model/descendants.h"
#include "model/time_words.h"
#include "platform/platform.h"

namespace galproc {

namespace {

constexpr std::int64_t kCpuLengthUs = 200'000;

constexpr const char* kDescription =
    "All about one living process; its CPU use is measured over 200 ms.\n"
    "\n"
    "Examples:\n"
    "  galproc inspect 4242\n"
    "  galproc inspect 4242 --json\n"
    "  galproc inspect $$ --format markdown\n";

const ProcessReading* find_pid(const ProcessPass& pass, std::int64_t pid) {
  const auto found = std::find_if(pass.processes.begin(), pass.processes.end(),
                                  [&](const ProcessReading& process) { return process.key.pid == pid; });
  return found == pass.processes.end() ? nullptr : &*found;
}

/// What is told, read.
struct Inspected {
  HostReading host;
  World world;
  const ProcessReading* process = nullptr;  ///< in `world`
  ProcessDetails details;
  std::optional<double> cpu_pct;
  std::optional<std::int64_t> upid;
};

std::int64_t cpu_us(const ProcessUsage& usage) {
  return usage.cpu_user_us + usage.cpu_system_us;
}

/// Throws Error (exit 3) where nobody is there.
Inspected look_at(std::int64_t pid, const Context& context) {
  const std::unique_ptr<Platform> platform = make_platform();
  const ProcessPass before = platform->read_processes();
  const std::int64_t began_us = platform->clocks().boot_us;
  const ProcessReading* first = find_pid(before, pid);
  if (!first) {
    const auto& hidden = before.unreadable_pids;
    if (std::find(hidden.begin(), hidden.end(), pid) != hidden.end()) {
      throw Error(ExitCode::Refused, fmt::format("Process {} may not be read by this user. Try it as root.", pid));
    }
    throw Error(ExitCode::NotFound, fmt::format("There is no process {}.", pid));
  }
  platform->sleep_until(began_us + kCpuLengthUs);
  Inspected inspected;
  inspected.world.processes = platform->read_processes();
  const std::int64_t length_us = platform->clocks().boot_us - began_us;
  inspected.process = find_pid(inspected.world.processes, pid);
  auto details = platform->read_details(first->key);
  if (!inspected.process || inspected.process->key != first->key || !details) {
    throw Error(ExitCode::NotFound, fmt::format("Process {} ended while it was looked at.", pid));
  }
  inspected.details = std::move(*details);
  inspected.world.sockets = platform->read_sockets(inspected.world.processes);
  inspected.host = platform->host();
  const std::int64_t used_us = cpu_us(inspected.process->usage) - cpu_us(first->usage);
  if (length_us > 0) inspected.cpu_pct = 100.0 * static_cast<double>(used_us) / static_cast<double>(length_us);
  const auto upids = recorded_upids(context, inspected.host, {{*inspected.process}, {}, {}, {}});
  if (!upids.empty()) inspected.upid = upids.begin()->second;
  return inspected;
}

/// "4243 node, 4244 esbuild".
Value children_cell(const ProcessPass& pass, std::int64_t pid) {
  ListMaker children;
  for (const Descendant& each : descendants_of(pass, pid)) {
    if (each.depth == 0) continue;
    const std::int64_t child = each.process->key.pid;
    const std::string& name = each.process->image->name;
    children.add(fmt::format("{} {}", child, name), {{"pid", child}, {"name", name}, {"depth", each.depth}});
  }
  return children.value();
}

/// "127.0.0.1:8080 127.0.0.1:51234, ...", the own end first; NULL: they could not be read.
Value connections_cell(const ProcessDetails& details) {
  ListMaker connections;
  for (const ConnectionReading& each : details.connections) {
    connections.add(
        fmt::format("{}:{} {}:{}", each.local_address, each.local_port, each.remote_address, each.remote_port),
        {{"local_address", each.local_address},
         {"local_port", each.local_port},
         {"remote_address", each.remote_address},
         {"remote_port", each.remote_port}});
  }
  return connections.empty() && !details.errors.empty() ? Value() : connections.value();
}

/// "open_files 1024, processes unlimited"; NULL: none could be read.
Value limits_cell(const std::vector<LimitReading>& limits) {
  ListMaker list;
  for (const LimitReading& each : limits) {
    list.add(fmt::format("{} {}", each.name, each.value ? std::to_string(*each.value) : "unlimited"),
             {{"name", each.name},
              {"value", each.value ? Scalar(*each.value) : Scalar()},
              {"unlimited", std::int64_t{!each.value}}});
  }
  return list.empty() ? Value() : list.value();
}

Value limit_cell(const std::vector<LimitReading>& limits, const std::string& name) {
  for (const LimitReading& each : limits) {
    if (each.name == name) return cell(each.value);
  }
  return {};
}

RowSet row_of(const Inspected& inspected) {
  const ProcessReading& process = *inspected.process;
  const ProcessImage& image = *process.image;
  const ProcessPass& pass = inspected.world.processes;
  const ProcessReading* parent = find_pid(pass, process.parent_pid);
  const std::int64_t started_us = inspected.host.booted_us + process.started_boot_us;
  const std::vector<LimitReading>& limits = inspected.details.limits;
  return make_row({
      {{"upid"}, cell(inspected.upid)},
      {{"pid"}, process.key.pid},
      {{"start_token"}, process.key.start_token},
      {{"parent_pid"}, process.parent_pid},
      {{"parent_name"}, parent ? Value(parent->image->name) : Value()},
      {{"name"}, image.name},
      {{"executable"}, cell(image.executable)},
      {{"command_line"}, command_line_cell(image)},
      {{"user"}, user_cell(image)},
      {{"state"}, to_text(process.usage.state)},
      {{"started_at", Unit::InstantText}, format_instant(started_us)},
      {{"started_us", Unit::InstantUs}, started_us},
      {{"cpu_pct", Unit::Percent}, cell(inspected.cpu_pct)},
      {{"cpu_us", Unit::DurationUs}, cpu_us(process.usage)},
      {{"resident_bytes", Unit::Bytes}, process.usage.resident_bytes},
      {{"thread_count"}, process.usage.thread_count},
      {{"read_bytes", Unit::Bytes}, cell(process.usage.read_bytes)},
      {{"written_bytes", Unit::Bytes}, cell(process.usage.written_bytes)},
      {{"children"}, children_cell(pass, process.key.pid)},
      {{"ports"}, ports_cell(inspected.world.sockets, process)},
      {{"connections"}, connections_cell(inspected.details)},
      {{"venv"}, cell(image.venv)},
      {{"venv_evidence"}, cell(image.venv_evidence)},
      {{"cgroup"}, cell(image.cgroup)},
      {{"working_directory"}, cell(image.working_directory)},
      {{"limits"}, limits_cell(limits)},
      {{"max_open_files"}, limit_cell(limits, "open_files")},
      {{"max_processes"}, limit_cell(limits, "processes")},
      {{"max_address_space_bytes", Unit::Bytes}, limit_cell(limits, "address_space_bytes")},
  });
}

ExitCode inspect(const std::string& typed_pid, const Context& context) {
  const Inspected inspected = look_at(parse_pid(typed_pid), context);
  context.print_object(row_of(inspected));
  for (const ReadError& error : inspected.details.errors) {
    context.say(fmt::format("Not all could be read: {}: {}.", error.operation, error.text));
  }
  return ExitCode::Done;
}

}  // namespace

void add_inspect(CLI::App& app, Context& context) {
  auto pid = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("inspect", kDescription);
  verb->footer(kCommonFlagsNote);
  verb->add_option("PID", *pid, "The process")->required();
  context.actions[verb] = [pid, &context] { return inspect(*pid, context); };
}

}  // namespace galproc
