#include <fmt/format.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <memory>

#include "cli/command.h"
#include "cli/look.h"
#include "model/text.h"
#include "model/time_words.h"
#include "platform/platform.h"

namespace galproc {

namespace {

constexpr std::int64_t kCpuLengthUs = 1'000'000;

constexpr const char* kDescription =
    "How loaded this machine is, over one second.\n"
    "\n"
    "Examples:\n"
    "  galproc resources\n"
    "  galproc resources --check                       exit 1 where a limit is reached\n"
    "  galproc resources --check --max-memory 95 --path /srv --json\n";

/// The flags as they were typed.
struct ResourcesFlags {
  bool check = false;
  std::string max_cpu = "80", max_memory = "80", max_disk = "90", max_processes = "500";
  std::string path = "/";
};

/// A figure that has a limit, which is exceeded from its value on.
struct Limited {
  const char* flag;
  const char* column;  ///< 1: below the limit
  const char* what;    ///< in a sentence, before the figure
  std::optional<double> figure;
  double limit = 0;
  const char* unit;

  bool is_exceeded() const { return figure && *figure >= limit; }
};

double parse_limit(const std::string& text) {
  double limit = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error != std::errc() || rest != text.data() + text.size() || !std::isfinite(limit) || limit < 0) {
    throw UsageError(fmt::format("'{}' is not a number, 0 or more.", escape_controls(text)));
  }
  return limit;
}

std::optional<double> percent(std::optional<std::int64_t> part, std::optional<std::int64_t> whole) {
  if (!part || !whole || *whole <= 0) return std::nullopt;
  return std::clamp(100.0 * static_cast<double>(*part) / static_cast<double>(*whole), 0.0, 100.0);
}

std::optional<std::int64_t> difference(std::optional<std::int64_t> a, std::optional<std::int64_t> b) {
  return a && b ? std::optional(*a - *b) : std::nullopt;
}

/// What is reported, measured.
struct Resources {
  MachineReading machine;
  SystemReading system;
  std::int64_t booted_us = 0;
  std::int64_t process_count = 0;
  std::optional<double> cpu_pct, memory_used_pct, disk_used_pct;
};

Resources measure(const std::filesystem::path& path) {
  const std::unique_ptr<Platform> platform = make_platform();
  const SystemReading before = platform->read_system(path);
  platform->sleep_until(platform->clocks().boot_us + kCpuLengthUs);
  Resources resources;
  resources.system = platform->read_system(path);
  resources.machine = platform->machine();
  resources.booted_us = platform->host().booted_us;
  const ProcessPass pass = platform->read_processes();
  resources.process_count = std::count_if(pass.processes.begin(), pass.processes.end(),
                                          [](const ProcessReading& process) { return !process.ended; });
  const SystemReading& now = resources.system;
  resources.cpu_pct =
      percent(difference(now.cpu_busy_us, before.cpu_busy_us), difference(now.cpu_total_us, before.cpu_total_us));
  resources.memory_used_pct =
      percent(difference(now.memory_total_bytes, now.memory_available_bytes), now.memory_total_bytes);
  resources.disk_used_pct = percent(now.disk_used_bytes, now.disk_total_bytes);
  return resources;
}

std::vector<Limited> limits_of(const ResourcesFlags& flags, const Resources& resources) {
  const auto limit = [](const char* flag, const std::string& text) { return parse_flag(flag, text, parse_limit); };
  return {
      {"max-cpu", "cpu_ok", "CPU", resources.cpu_pct, limit("max-cpu", flags.max_cpu), " %"},
      {"max-memory", "memory_ok", "memory", resources.memory_used_pct, limit("max-memory", flags.max_memory), " %"},
      {"max-disk", "disk_ok", "disk", resources.disk_used_pct, limit("max-disk", flags.max_disk), " %"},
      {"max-processes", "process_count_ok", "processes", static_cast<double>(resources.process_count),
       limit("max-processes", flags.max_processes), ""},
  };
}

RowSet row_of(const Resources& resources) {
  const SystemReading& system = resources.system;
  const MachineReading& machine = resources.machine;
  const std::vector<std::pair<Column, Value>> cells = {
      {{"system"}, machine.system},
      {{"release"}, machine.release},
      {{"version"}, machine.version},
      {{"machine"}, machine.machine},
      {{"processor"}, cell(machine.processor)},
      {{"cpu_count"}, cell(system.cpu_count)},
      {{"cpu_pct", Unit::Percent}, cell(resources.cpu_pct)},
      {{"memory_total_bytes", Unit::Bytes}, cell(system.memory_total_bytes)},
      {{"memory_available_bytes", Unit::Bytes}, cell(system.memory_available_bytes)},
      {{"memory_used_pct", Unit::Percent}, cell(resources.memory_used_pct)},
      {{"disk_total_bytes", Unit::Bytes}, cell(system.disk_total_bytes)},
      {{"disk_used_bytes", Unit::Bytes}, cell(system.disk_used_bytes)},
      {{"disk_used_pct", Unit::Percent}, cell(resources.disk_used_pct)},
      {{"received_bytes", Unit::Bytes}, cell(system.received_bytes)},
      {{"sent_bytes", Unit::Bytes}, cell(system.sent_bytes)},
      {{"process_count"}, resources.process_count},
      {{"booted_at", Unit::InstantText}, format_instant(resources.booted_us)},
      {{"booted_us", Unit::InstantUs}, resources.booted_us},
  };
  return make_row(cells);
}

ExitCode report(const ResourcesFlags& flags, const Context& context) {
  std::error_code error;
  if (!std::filesystem::exists(flags.path, error)) {
    throw UsageError(fmt::format("--path: {} is not there or cannot be looked at.", escape_controls(flags.path)));
  }
  limits_of(flags, {});  // a mistake is told before a second is spent
  const Resources resources = measure(flags.path);
  RowSet row = row_of(resources);
  ExitCode code = ExitCode::Done;
  std::vector<std::string> sentences;
  for (const Limited& limited : limits_of(flags, resources)) {
    if (!flags.check) break;
    row.columns.push_back({limited.column});
    row.rows.front().push_back(limited.figure ? Value(std::int64_t{!limited.is_exceeded()}) : Value());
    if (!limited.is_exceeded()) continue;
    code = ExitCode::Failed;
    sentences.push_back(fmt::format("A limit is reached: {} {:.{}f}{} (--{} {}).", limited.what, *limited.figure,
                                    *limited.unit != '\0' ? 1 : 0, limited.unit, limited.flag, limited.limit));
  }
  context.print_object(row);
  for (const std::string& sentence : sentences) context.err << "galproc: " << sentence << std::endl;
  return code;
}

}  // namespace

void add_resources(CLI::App& app, Context& context) {
  auto flags = std::make_shared<ResourcesFlags>();
  CLI::App* verb = app.add_subcommand("resources", kDescription);
  verb->footer(kCommonFlagsNote);
  verb->add_flag("--check", flags->check, "Say of each limit whether it is kept, and exit 1 where one is not");
  verb->add_option("--max-cpu", flags->max_cpu, "Percent of all CPUs that is too much (default 80)")->type_name("N");
  verb->add_option("--max-memory", flags->max_memory, "The same of memory (default 80)")->type_name("N");
  verb->add_option("--max-disk", flags->max_disk, "The same of the disk (default 90)")->type_name("N");
  verb->add_option("--max-processes", flags->max_processes, "So many processes are too many (default 500)")
      ->type_name("N");
  verb->add_option("--path", flags->path, "Any file on the disk that is meant (default /)")->type_name("PATH");
  context.actions[verb] = [flags, &context] { return report(*flags, context); };
}

}  // namespace galproc
