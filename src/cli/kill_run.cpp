// What `kill` and `stop` do: choose, show or log, end, and tell.

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "action/kill.h"
#include "action/live_ancestry.h"
#include "cli/kill.h"
#include "cli/kill_words.h"
#include "cli/look.h"
#include "cli/recordings.h"
#include "model/text.h"
#include "model/time_words.h"
#include "platform/environment.h"
#include "store/ancestry.h"
#include "store/database.h"
#include "store/service_rows.h"

namespace galproc {

namespace {

namespace fs = std::filesystem;

/// Asks a person at a terminal; anybody else has said yes by calling.
bool is_confirmed(const Plan& plan, const KillMode& mode, const Context& context) {
  const auto count =
      std::count_if(plan.targets.begin(), plan.targets.end(), [](const Target& target) { return !target.refused; });
  if (mode.yes || count < 2 || !is_interactive()) return true;
  for (const Target& target : plan.targets) {
    if (!target.refused) {
      context.err << escape_controls(
                         fmt::format("  {} {} ({})", target.process.key.pid, target.process.image->name, target.why))
                  << "\n";
    }
  }
  context.err << "End these " << count << " processes? [y/N] " << std::flush;
  const auto answer = read_line();
  if (!answer) context.err << std::endl;  // the line of the question is still open
  return answer == "y" || answer == "Y" || answer == "yes";
}

/// Why a kill would not log to what stands at `path`; empty: it would.
std::optional<std::string> refusal_of_file(Platform& platform, const fs::path& path) {
  if (const auto remote = platform.network_file_system(path)) return "it lies on a network file system, " + *remote;
  try {
    const FileKind kind = examine_file(path);
    if (kind == FileKind::Damaged) return "it is corrupt";
    if (kind == FileKind::Newer) return "a newer galproc has made it";
    if (kind == FileKind::Foreign) return "it is not galproc's; name another with --db";
    return std::nullopt;
  } catch (const SQLite::Exception& error) {
    return describe(error);
  } catch (const Error& error) {
    return error.what();
  }
}

/// What a kill would log to, where there is any of it. Throws Error (NotLogged) where it would not be logged.
std::unique_ptr<SQLite::Database> open_for_trial(Platform& platform, const fs::path& path, const Context& context) {
  if (const auto refusal = refusal_of_file(platform, path)) {
    throw Error(ExitCode::NotLogged,
                fmt::format("It could not be logged in {}, so nothing would be done: {}.", path.string(), *refusal));
  }
  if (examine_file(path) == FileKind::New) return nullptr;
  try {
    return std::make_unique<SQLite::Database>(open_for_reading(path));
  } catch (const Error& error) {  // an older schema, which a kill would bring up to date
    context.say(std::string(error.what()) + " What it has recorded is not used.");
    return nullptr;
  }
}

/// Why the system would not let this user end a process, as far as that can be told without sending anything.
std::optional<std::string> denial_of(const Target& target, Platform& platform) {
  if (target.process.ended) return std::nullopt;
  const OpenedProcess opened = platform.open_process(target.process.key);
  const Delivery delivery = opened.handle ? opened.handle->send(Signal::Probe) : Delivery{};
  const bool denied = opened.why == OpenedProcess::Why::Denied || delivery.result == Delivery::Result::Denied;
  if (!denied) return std::nullopt;
  return "may not be ended by this user (" + (opened.handle ? delivery.text : opened.text) + ")";
}

ExitCode print_plan(const Plan& plan, Recordings& recordings, Platform& platform, const Context& context) {
  RowSet rows;
  rows.columns = {{"upid"}, {"pid"}, {"name"}, {"user"}, {"why"}, {"refused"}};
  std::vector<Fate> fates(plan.missing_pids.size(), Fate::NotFound);
  fates.insert(fates.end(), plan.hidden.size(), Fate::Refused);
  for (const Target& target : plan.targets) {
    const ProcessImage* image = target.process.image.get();
    const auto refused = target.refused ? target.refused : denial_of(target, platform);
    rows.rows.push_back({cell(recordings.upid_of(target.process.key)), target.process.key.pid,
                         image ? Value(image->name) : Value(), image ? cell(image->user_name) : Value(), target.why,
                         cell(refused)});
    fates.push_back(refused ? Fate::Refused : Fate::Gone);
  }
  context.print(rows);
  return exit_code_of(fates);
}

void print_report(const KillReport& report, const Context& context) {
  RowSet rows;
  rows.columns = {{"action_id"},
                  {"attempt_id"},
                  {"upid"},
                  {"pid"},
                  {"name"},
                  {"method"},
                  {"signal"},
                  {"outcome"},
                  {"requested_at", Unit::InstantText},
                  {"ended_at", Unit::InstantText},
                  {"exit_code"},
                  {"exit_signal"},
                  {"error"},
                  {"requested_us", Unit::InstantUs},
                  {"ended_us", Unit::InstantUs}};
  for (const Attempt& attempt : report.attempts) {
    const Victim& victim = report.victims[attempt.victim];
    const ProcessReading& process = victim.target.process;
    const bool exited = attempt.outcome == "exited";
    const auto ended_us = exited ? victim.ended_us : std::nullopt;
    Value exit_code, exit_signal;
    if (exited && victim.wait_status) {
      const std::int64_t number = *victim.wait_status & 0x7f;
      if (number != 0) exit_signal = signal_name(number);
      if (number == 0) exit_code = *victim.wait_status >> 8 & 0xff;
    }
    rows.rows.push_back({report.action_id, attempt.attempt_id, cell(victim.upid), process.key.pid,
                         process.image ? Value(process.image->name) : Value(), attempt.method,
                         std::string(to_text(attempt.signal)), cell(attempt.outcome),
                         format_instant(attempt.requested_us), ended_us ? Value(format_instant(*ended_us)) : Value(),
                         exit_code, exit_signal, attempt.error.empty() ? Value() : Value(attempt.error),
                         attempt.requested_us, cell(ended_us)});
  }
  context.print(rows);
  for (const Victim& victim : report.victims) {
    const bool refused = victim.settled == "refused";
    const bool named = refused && !victim.met_later;  // with its reason, before
    if (victim.ended_us || named || victim.settled == "already_gone" || victim.settled == "identity_changed") continue;
    context.say(name_of(victim.target.process) + (refused ? " is left alone: it " : " is still there") +
                (victim.error.empty() ? "." : (refused ? "" : ": ") + victim.error + "."));
  }
  for (const ProcessReading& process : report.suspects) {
    context.say(name_of(process) +
                " is still there: it was born meanwhile and is akin to the tree, but nobody recorded whose it is.");
  }
  context.say(fmt::format("{} ended, {} left.", report.ended_count, report.left_count));
}

/// What `start` made for a service goes with the last of it. Best effort: a group that is still in use stays, and holds
/// nobody up.
void remove_groups(const std::optional<std::string>& service, const KillReport& report, Platform& platform,
                   KillLog& log) {
  std::set<std::string> names;
  if (service) names.insert(*service);
  for (const Victim& victim : report.victims) {
    const ProcessImage* image = victim.target.process.image.get();
    if (!image || !image->service_marker || !victim.ended_us) continue;
    names.insert(image->service_marker->substr(0, image->service_marker->find('#')));
  }
  try {
    const HostReading host = platform.host();
    for (const std::string& name : names) {
      for (const LoggedService& start : services_named(log.database(), host, name)) {
        if (start.cgroup && start.this_boot) platform.remove_group(*start.cgroup);
      }
    }
  } catch (const std::runtime_error&) {
    return;  // What was done is logged and told already.
  }
}

/// When the oldest of a plan was started, on the wall clock.
std::int64_t start_of(const Plan& plan, const Clocks& now) {
  std::int64_t oldest_us = now.boot_us;
  for (const Target& target : plan.targets) oldest_us = std::min(oldest_us, target.process.started_boot_us);
  return now.wall_us - now.boot_us + oldest_us;
}

/// Says what of a tree that was ended may not have been known. A control group and a service's marker know better.
void tell_of_hole(const KillReport& report, std::int64_t tree_since_us, bool recorder_runs, KillLog& log,
                  const Context& context) {
  const bool by_group = std::any_of(report.attempts.begin(), report.attempts.end(),
                                    [](const Attempt& attempt) { return attempt.method == "cgroup"; });
  if (by_group || report.attempts.empty()) return;
  if (report.ancestry_until_us) {
    context.say("The recorder had stored births up to " + format_instant(*report.ancestry_until_us) +
                " only: who was born between then and this kill, and has lost its parent, may have been missed.");
    return;
  }
  try {
    log.ask([&](SQLite::Database& database) {
      if (const auto hole = hole_in_births(database, tree_since_us, recorder_runs)) context.say(*hole);
    });
  } catch (const std::runtime_error&) {
    // What was done is logged and told already.
  }
}

}  // namespace

ExitCode run_kill(KillRequest request, const std::optional<std::string>& service, const KillMode& mode,
                  const Context& context) {
  const std::unique_ptr<Platform> platform = make_platform();
  const fs::path path = database_to_write(context);
  const Redactor redactor(context.lists.redact);
  std::unique_ptr<KillLog> log;
  std::unique_ptr<SQLite::Database> reading;
  if (!mode.dry_run) {
    platform->catch_stop_requests();
    log = std::make_unique<KillLog>(*platform, path, redactor);
  } else {
    reading = open_for_trial(*platform, path, context);
  }
  if (log) log->ask([&](SQLite::Database& database) { tell_of_leftovers(database, context); });
  if (reading) tell_of_leftovers(*reading, context);
  if (service) {
    request.selectors.by_service = true;
    const auto ask = [&](SQLite::Database& database) {
      request.selectors.services = services_named(database, platform->host(), *service);
    };
    if (log || reading) log ? log->ask(ask) : ask(*reading);
  }

  Recordings recordings(log.get(), path, platform->host());
  // Before the first look: who is born after it is told of.
  std::unique_ptr<LiveAncestry> live;
  if (log && request.tree) live = std::make_unique<LiveAncestry>(*platform);
  World world;
  world.processes = platform->read_processes();
  if (!request.selectors.ports.empty()) world.sockets = platform->read_sockets(world.processes);
  Surroundings surroundings{platform->caller(), platform->readers_of_output(), {}};
  if (const auto pid = platform->lock_holder(recorder_lock_path(path))) surroundings.recorder_pid = *pid;
  const CallerReading caller = surroundings.caller;
  Guard guard(request.policy, std::move(surroundings));
  guard.look_at(world.processes);
  Plan plan = make_plan(world, request, guard, recordings.creator_of(live.get()));
  tell_of_plan(plan, world, request.selectors, service, context);
  if (mode.dry_run) return print_plan(plan, recordings, *platform, context);
  if (!is_confirmed(plan, mode, context)) {
    context.say("Nothing was done.");
    const int signal = platform->stop_signal();
    return signal > 0 ? static_cast<ExitCode>(128 + signal) : ExitCode::Interrupted;
  }

  const std::int64_t tree_since_us = start_of(plan, platform->clocks());
  const bool recorder_runs = platform->lock_holder(recorder_lock_path(path)).has_value();
  Kill kill(*platform, *log, request, guard, std::move(plan), std::move(world.processes), caller);
  const KillReport report = kill.run();
  print_report(report, context);
  for (const std::string& problem : recordings.problems()) context.say(problem);
  if (request.tree && !service) tell_of_hole(report, tree_since_us, recorder_runs, *log, context);
  if (report.problem) context.err << "galproc: " << escape_controls(*report.problem) << std::endl;
  if (!report.problem) remove_groups(service, report, *platform, *log);
  return static_cast<ExitCode>(report.exit_code);
}

}  // namespace galproc
