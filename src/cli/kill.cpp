#include "cli/kill.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <charconv>
#include <memory>

#include "cli/look.h"
#include "model/text.h"
#include "model/time_words.h"
#include "platform/platform.h"

namespace galproc {

namespace {

constexpr const char* kDescription =
    "End processes through the log: the intent is on the disk before the first signal, the outcome after it.\n"
    "\n"
    "Examples:\n"
    "  galproc kill 4711 --reason 'hangs since 03:00'\n"
    "  galproc kill --port 8080 --tree                 who listens there, with all descendants\n"
    "  galproc kill --name node --port 8080 --dry-run  what it would end, and why\n"
    "  galproc kill 4711 --signal HUP                  ask to reload, once; never ends in force\n"
    "  galproc kill 4711 --signal KILL                 by force at once\n";

constexpr std::int64_t kLongestGraceUs = 3600LL * 1'000'000;

/// The flags as they were typed.
struct KillFlags {
  std::vector<std::string> pids, ports, names, venvs;
  std::string service;
  std::string user;
  std::string signal = "TERM";
  std::string grace = "3s";
  std::string attempts;
  std::string reason;
  bool tree = false;
  bool no_force = false;
  bool allow_protected = false;
  KillMode mode;
};

std::int64_t parse_number(const std::string& text, std::int64_t least, std::int64_t most, const char* what) {
  std::int64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || rest != text.data() + text.size() || number < least || number > most) {
    throw UsageError(fmt::format("'{}' is not {}.", escape_controls(text), what));
  }
  return number;
}

Signal signal_of(const std::string& text) {
  if (const auto signal = parse_signal(text)) return *signal;
  throw UsageError(fmt::format("--signal: '{}' is none of TERM, INT, QUIT, HUP, KILL.", escape_controls(text)));
}

KillRequest request_of(const KillFlags& flags, const Context& context) {
  KillRequest request;
  for (const std::string& pid : flags.pids) {
    if (const auto signal = pid.starts_with("-") ? parse_signal(pid.substr(1)) : std::nullopt) {
      throw UsageError(fmt::format("'{}' is not a PID, which is a positive number. To send that signal: --signal {}.",
                                   escape_controls(pid), to_text(*signal) + 3));
    }
    request.selectors.pids.push_back(parse_number(pid, 0, INT32_MAX, "a PID, a positive number"));
  }
  for (const std::string& port : flags.ports) {
    request.selectors.ports.push_back(parse_flag(
        "port", port, [](const std::string& text) { return parse_number(text, 1, 65535, "a port, 1 to 65535"); }));
  }
  request.selectors.names = flags.names;
  for (const std::string& venv : flags.venvs) add_venv(venv, request.selectors);
  if (!request.selectors.gone_venvs.empty()) {
    refuse_unknown_venvs({make_platform()->read_processes(), {}}, request.selectors);
  }
  if (request.selectors.empty() && flags.service.empty()) {
    throw UsageError("No target is named. Give a PID, --port, --name, --venv or --service; see `galproc kill --help`.");
  }
  if (!flags.user.empty()) request.policy.required_user = flags.user;
  request.policy.protect = context.lists.protect;
  request.policy.allow_protected = flags.allow_protected;
  request.tree = flags.tree;
  request.signal = signal_of(flags.signal);
  const bool gentle = request.signal == Signal::Hangup || request.signal == Signal::Interrupt;
  request.force = !flags.no_force && !gentle;
  if (flags.no_force && request.signal == Signal::Kill) {
    throw UsageError("--no-force and --signal KILL contradict each other: that signal is the force.");
  }
  request.grace_us = parse_flag("grace", flags.grace, parse_duration_us);
  if (request.grace_us > kLongestGraceUs) throw UsageError("--grace is at most 1h.");
  if (!flags.attempts.empty()) {
    request.attempts = static_cast<int>(parse_flag("attempts", flags.attempts, [](const std::string& text) {
      return parse_number(text, 1, 100, "a number of attempts, 1 to 100");
    }));
  }
  if (!flags.reason.empty()) request.reason = flags.reason;
  return request;
}

}  // namespace

void add_kill(CLI::App& app, Context& context) {
  auto flags = std::make_shared<KillFlags>();
  CLI::App* verb = app.add_subcommand("kill", kDescription);
  verb->footer(kCommonFlagsNote);
  verb->add_option("PID", flags->pids, "Processes by number; selectors of different kinds narrow");
  verb->add_option("--port", flags->ports, "Who listens on this TCP port or has this UDP port bound")
      ->type_name("P")
      ->allow_extra_args(false);
  verb->add_option("--name", flags->names, "Who has this whole name")->type_name("N")->allow_extra_args(false);
  verb->add_option("--venv", flags->venvs, kVenvHelp)->type_name("DIR")->allow_extra_args(false);
  verb->add_option("--service", flags->service, "Who belongs to this service that galproc started")->type_name("S");
  verb->add_flag("--tree", flags->tree, "With all descendants, those born meanwhile too");
  verb->add_option("--signal", flags->signal, "The request: TERM, INT, QUIT, HUP; KILL is force at once (default TERM)")
      ->type_name("SIG:{TERM,INT,QUIT,HUP,KILL}");
  verb->add_option("--grace", flags->grace, "How long a request may take before force (default 3s)")->type_name("D");
  verb->add_flag("--no-force", flags->no_force, "Ask only; HUP and INT never end in force");
  verb->add_option("--attempts", flags->attempts, "At most so many rounds (default 3; 1 without force)")
      ->type_name("N");
  verb->add_option("--reason", flags->reason, "Why, for the log")->type_name("TEXT");
  verb->add_option("--user", flags->user, "Targets must belong to this user; any other is refused")->type_name("U");
  verb->add_flag("--dry-run", flags->mode.dry_run, "Show what would be ended, and why; log and send nothing");
  verb->add_flag("--yes", flags->mode.yes, "Do not ask before more than one process is ended");
  verb->add_flag("--allow-protected", flags->allow_protected,
                 "As root: end the recorder and names under `protect` too");
  context.actions[verb] = [flags, &context] {
    const auto service = flags->service.empty() ? std::nullopt : std::optional(flags->service);
    return run_kill(request_of(*flags, context), service, flags->mode, context);
  };
}

}  // namespace galproc
