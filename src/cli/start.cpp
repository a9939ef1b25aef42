#include <fmt/format.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <charconv>
#include <memory>

#include "action/service_start.h"
#include "cli/command.h"
#include "model/text.h"
#include "model/time_words.h"
#include "platform/environment.h"

namespace galproc {

namespace {

namespace fs = std::filesystem;

constexpr const char* kDescription =
    "Start a program as a detached service, through the log. What stands behind -- is the program and its arguments.\n"
    "\n"
    "Examples:\n"
    "  galproc start --name web --wait-port 8080 -- ./server --port 8080\n"
    "  galproc start --venv .venv --wait-port 8000 -- -m http.server 8000 --bind 127.0.0.1\n"
    "  galproc start --venv .venv --cwd /srv/app --env MODE=fast --max-memory 2GiB -- worker.py\n"
    "  galproc services; galproc stop web\n";

/// The flags as they were typed.
struct StartFlags {
  std::optional<std::string> name;
  std::string venv, working_directory, log, wait_port, max_memory, max_open_files, max_processes, reason;
  std::string wait_for = "30s";
  std::vector<std::string> environment;
  std::vector<std::string> program;  ///< with its arguments
};

std::int64_t parse_count(const std::string& text, std::int64_t most, const char* what) {
  std::int64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || rest != text.data() + text.size() || number < 1 || number > most) {
    throw UsageError(fmt::format("'{}' is not {}.", escape_controls(text), what));
  }
  return number;
}

/// Without repeating what was typed: it may be a secret.
std::vector<std::string> checked_environment(const std::vector<std::string>& variables) {
  for (const std::string& variable : variables) {
    const std::size_t equals = variable.find('=');
    if (equals == std::string::npos || equals == 0) throw UsageError("--env takes NAME=VALUE.");
    if (variable.starts_with("GALPROC_SERVICE=")) {
      throw UsageError("--env: GALPROC_SERVICE is how galproc finds what belongs to a service; it is set already.");
    }
  }
  return variables;
}

/// It names a file, is shown everywhere, and is stored: as it is, or it could not be found again by it.
std::string checked_name(std::string name) {
  constexpr std::size_t kMost = 100;
  const bool is_plain = clean_utf8(name).text == name && escape_controls(name) == name;
  const auto is_bad = [](unsigned char letter) {
    return letter < ' ' || letter == 0x7f || letter == '/' || letter == '#';
  };
  if (name.empty() || !is_plain || name.size() > kMost || name.front() == '.' || name.front() == '-' ||
      std::any_of(name.begin(), name.end(), is_bad)) {
    throw UsageError(fmt::format(
        "'{}' is no name for a service: 1 to {} bytes of UTF-8, no control or bidirectional characters, no / "
        "and no #, no dot or dash in front. Give one with --name.",
        escape_controls(name), kMost));
  }
  return name;
}

/// Where the output goes; a folder that is named must be there.
fs::path log_path_of(const StartFlags& flags, const std::string& name, const fs::path& database) {
  if (flags.log.empty()) return database.parent_path() / "logs" / (name + ".log");
  fs::path path = fs::absolute(flags.log).lexically_normal();
  std::error_code unknown;
  if (!fs::is_directory(path.parent_path(), unknown)) {
    throw UsageError("--log: there is no folder " + escape_controls(path.parent_path().string()) + ".");
  }
  if (fs::is_directory(path, unknown)) throw UsageError("--log: " + escape_controls(path.string()) + " is a folder.");
  return path;
}

ServiceRequest request_of(const StartFlags& flags, const fs::path& database) {
  if (flags.program.empty()) {
    throw UsageError("No program is named. Put it behind --, as in `galproc start --name web -- ./server`.");
  }
  ServiceRequest request;
  request.name = checked_name(flags.name ? *flags.name : default_service_name(flags.program));
  request.command.words = flags.program;
  if (!flags.venv.empty()) request.command.venv = existing_venv(flags.venv);
  request.command.working_directory =
      flags.working_directory.empty() ? fs::current_path() : fs::path(existing_folder("cwd", flags.working_directory));
  request.command.inherited_environment = environment_variables();
  request.command.environment = checked_environment(flags.environment);
  request.log_path = log_path_of(flags, request.name, database);
  request.make_log_folder = flags.log.empty();
  const auto count = [](const char* flag, const std::string& text, std::int64_t most, const char* what) {
    return parse_flag(flag, text, [&](const std::string& word) { return parse_count(word, most, what); });
  };
  constexpr std::int64_t kMostPort = 65535;
  if (!flags.wait_port.empty()) {
    request.wait_port = count("wait-port", flags.wait_port, kMostPort, "a port, 1 to 65535");
  }
  request.wait_for_us = parse_flag("wait-for", flags.wait_for, parse_duration_us);
  if (!flags.max_memory.empty()) {
    request.address_space_bytes = parse_flag("max-memory", flags.max_memory, parse_size_bytes);
    if (*request.address_space_bytes <= 0) throw UsageError("--max-memory is more than 0.");
  }
  const char* const number = "a number, 1 or more";
  if (!flags.max_open_files.empty()) {
    request.open_files = count("max-open-files", flags.max_open_files, INT32_MAX, number);
  }
  if (!flags.max_processes.empty()) {
    request.user_processes = count("max-processes", flags.max_processes, INT32_MAX, number);
  }
  if (!flags.reason.empty()) request.reason = flags.reason;
  return request;
}

void print_report(const ServiceReport& report, const ServiceRequest& request, const Context& context) {
  RowSet rows;
  rows.columns = {{"action_id"},
                  {"service"},
                  {"upid"},
                  {"pid"},
                  {"name"},
                  {"started_at", Unit::InstantText},
                  {"address"},
                  {"port"},
                  {"time_to_port_us", Unit::DurationUs},
                  {"started_us", Unit::InstantUs}};
  const auto& sockets = report.sockets;
  // With a port that was waited for in vain, another one is no answer.
  const bool any = !sockets.empty() && (!request.wait_port || sockets.front().port == *request.wait_port);
  rows.rows.push_back({report.action_id, request.name, report.upid, report.key.pid,
                       report.name ? Value(*report.name) : Value(), format_instant(report.started_us),
                       any ? Value(sockets.front().address) : Value(), any ? Value(sockets.front().port) : Value(),
                       report.time_to_port_us ? Value(*report.time_to_port_us) : Value(), report.started_us});
  context.print(rows);
}

ExitCode start(const StartFlags& flags, const Context& context) {
  const fs::path database = database_to_write(context);
  const ServiceRequest request = request_of(flags, database);
  const std::unique_ptr<Platform> platform = make_platform();
  const Redactor redactor(context.lists.redact);
  platform->catch_stop_requests();
  const ServiceReport report = ServiceStart(*platform, database, redactor, request).run();
  print_report(report, request, context);
  for (const std::string& warning : report.warnings) context.say(warning);
  for (const ListeningSocket& socket : report.sockets) {
    if (socket.is_loopback) continue;
    context.say(fmt::format("Port {} of {} is open to other machines: it listens on {}, not on loopback.", socket.port,
                            request.name, socket.address));
  }
  for (const std::string& problem : report.problems) {
    context.err << "galproc: " << escape_controls(problem) << std::endl;
  }
  for (const std::string& line : report.log_tail) context.err << "  " << escape_controls(line) << std::endl;
  try {
    SQLite::Database file = open_for_reading(database);
    tell_of_leftovers(file, context);
  } catch (const std::runtime_error&) {
    // What was done is logged and told already.
  }
  return static_cast<ExitCode>(report.exit_code);
}

}  // namespace

void add_start(CLI::App& app, Context& context, const std::vector<std::string>& program) {
  auto flags = std::make_shared<StartFlags>();
  flags->program = program;
  CLI::App* verb = app.add_subcommand("start", kDescription);
  verb->footer(std::string("\nBehind the flags: -- PROGRAM|SCRIPT [ARGS...]\n") + kCommonFlagsNote);
  const auto option = [&](const char* name, std::string& value, const char* type, const char* description) {
    verb->add_option(name, value, description)->type_name(type);
  };
  verb->add_option("--name", flags->name, "What the service is called (default: the program's base name)")
      ->type_name("S");
  option("--venv", flags->venv, "DIR", "A Python virtual environment that it runs in, as if activated");
  option("--cwd", flags->working_directory, "DIR", "Its working directory (default: this one)");
  verb->add_option("--env", flags->environment, "A variable for its environment; the value is never stored")
      ->type_name("K=V")
      ->allow_extra_args(false);
  option("--log", flags->log, "FILE", "Takes its output (default: logs/NAME.log beside the database)");
  option("--wait-port", flags->wait_port, "P", "Wait until it listens on this port");
  option("--wait-for", flags->wait_for, "D", "At most so long (default 30s)");
  option("--max-memory", flags->max_memory, "SIZE", "Limit of the address space of each of its processes");
  option("--max-open-files", flags->max_open_files, "N", "Limit of open files of each of its processes");
  option("--max-processes", flags->max_processes, "N",
         "Limit of processes, counted over all of its user; of root's, by its control group");
  option("--reason", flags->reason, "TEXT", "Why, for the log");
  context.actions[verb] = [flags, &context] { return start(*flags, context); };
}

}  // namespace galproc
