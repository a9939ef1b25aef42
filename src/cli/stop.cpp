#include <fmt/format.h>

#include <CLI/App.hpp>
#include <memory>

#include "cli/command.h"
#include "cli/kill.h"
#include "model/time_words.h"

namespace galproc {

namespace {

constexpr const char* kDescription =
    "End a service that galproc started, with everything that belongs to it, through the log.\n"
    "\n"
    "Examples:\n"
    "  galproc stop web\n"
    "  galproc stop web --grace 30s --reason 'new version'\n"
    "  galproc stop web --no-force                ask only\n";

struct StopFlags {
  std::string service;
  std::string grace = "3s";
  bool no_force = false;
  std::string reason;
};

ExitCode stop(const StopFlags& flags, const Context& context) {
  if (flags.service.empty()) throw UsageError("No service is named. `galproc services` lists those that run.");
  KillRequest request;
  request.verb = "stop";
  request.tree = true;
  request.force = !flags.no_force;
  request.policy.protect = context.lists.protect;
  request.grace_us = parse_flag("grace", flags.grace, parse_duration_us);
  constexpr std::int64_t kLongestGraceUs = 3600LL * 1'000'000;
  if (request.grace_us > kLongestGraceUs) throw UsageError("--grace is at most 1h.");
  if (!flags.reason.empty()) request.reason = flags.reason;
  KillMode mode;
  mode.yes = true;  // a service was named: all of it is meant
  return run_kill(std::move(request), flags.service, mode, context);
}

}  // namespace

void add_stop(CLI::App& app, Context& context) {
  auto flags = std::make_shared<StopFlags>();
  CLI::App* verb = app.add_subcommand("stop", kDescription);
  verb->footer(kCommonFlagsNote);
  verb->add_option("SERVICE", flags->service, "The name that it was started with");
  verb->add_option("--grace", flags->grace, "How long it may take to end before force (default 3s)")->type_name("D");
  verb->add_flag("--no-force", flags->no_force, "Ask only");
  verb->add_option("--reason", flags->reason, "Why, for the log")->type_name("TEXT");
  context.actions[verb] = [flags, &context] { return stop(*flags, context); };
}

}  // namespace galproc
