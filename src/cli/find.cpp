#include <fmt/format.h>

#include <CLI/App.hpp>
#include <filesystem>
#include <memory>

#include "action/selection.h"
#include "cli/command.h"
#include "cli/look.h"
#include "model/text.h"
#include "model/time_words.h"
#include "platform/platform.h"
#include "store/database.h"
#include "store/recorded_look.h"

namespace galproc {

namespace {

constexpr const char* kDescription =
    "Find living processes. Without selectors: all of them.\n"
    "Different selectors narrow, one that is repeated widens. A port's are those that listen on it (TCP) or have it\n"
    "bound (UDP); a name is the whole name, ignoring case and a trailing .exe.\n"
    "\n"
    "Examples:\n"
    "  galproc find --port 8080\n"
    "  galproc find --venv .venv --json                command line, working directory or VIRTUAL_ENV\n"
    "  galproc find --name node --name python3 --user ann\n"
    "  galproc find --port 8080 --max-age 10s          from the recording where that is fresh enough\n";

/// The flags as they were typed.
struct FindFlags {
  std::vector<std::string> ports, names, venvs, users;
  std::string max_age;
};

/// What is looked at, be it the system or the recording.
struct Scene {
  World world;
  HostReading host;
  std::unordered_map<ProcessKey, std::int64_t, ProcessKeyHash> upids;
};

Selectors selectors_of(const FindFlags& flags) {
  Selectors selectors;
  for (const std::string& port : flags.ports) selectors.ports.push_back(parse_flag("port", port, parse_port));
  for (const std::string& venv : flags.venvs) add_venv(venv, selectors);
  selectors.names = flags.names;
  selectors.users = flags.users;
  return selectors;
}

/// The newest look of the recording, or empty with a word on why the system is read instead.
std::optional<Scene> recorded_scene(const Context& context, const HostReading& host, std::int64_t now_us,
                                    std::int64_t max_age_us) {
  try {
    SQLite::Database database = open_to_read(context);
    const auto at_us = newest_look_us(database, host);
    const std::int64_t age_us = now_us - at_us.value_or(0);
    if (!at_us || age_us < 0 || age_us > max_age_us) {  // a clock that was set back makes a look of the future
      context.say(at_us && age_us >= 0
                      ? fmt::format("The recording is {} old, so the system is read.", format_duration(age_us))
                      : "The recording is not of this machine as it runs now, so the system is read.");
      return std::nullopt;
    }
    RecordedLook look = read_newest_look(database, host);
    context.say(fmt::format("From the recording, {} s old.", (now_us - look.at_us) / 1'000'000));
    return Scene{{std::move(look.processes), std::move(look.sockets)}, host, std::move(look.upids)};
  } catch (const SQLite::Exception& error) {
    context.say(fmt::format("The database failed ({}), so the system is read.", describe(error)));
  } catch (const Error& error) {
    context.say(fmt::format("{} So the system is read.", error.what()));
  }
  return std::nullopt;
}

Scene look(const Context& context, std::optional<std::int64_t> max_age_us) {
  const std::unique_ptr<Platform> platform = make_platform();
  const HostReading host = platform->host();
  if (max_age_us) {
    if (auto scene = recorded_scene(context, host, platform->clocks().wall_us, *max_age_us)) return std::move(*scene);
  }
  Scene scene{{platform->read_processes(), {}}, host, {}};
  scene.world.sockets = platform->read_sockets(scene.world.processes);
  scene.upids = recorded_upids(context, scene.host, scene.world.processes);
  return scene;
}

std::vector<Value> row_of(const Match& match, const Scene& scene) {
  const ProcessReading& process = *match.process;
  const ProcessImage& image = *process.image;
  const auto upid = scene.upids.find(process.key);
  const std::int64_t started_us = scene.host.booted_us + process.started_boot_us;
  return {upid == scene.upids.end() ? Value() : Value(upid->second),
          process.key.pid,
          process.parent_pid,
          image.name,
          user_cell(image),
          format_instant(started_us),
          command_line_cell(image),
          match.venv ? match.venv->folder : cell(image.venv),
          match.venv ? match.venv->evidence : cell(image.venv_evidence),
          ports_cell(scene.world.sockets, process),
          started_us};
}

ExitCode find(const FindFlags& flags, const Context& context) {
  const Selectors selectors = selectors_of(flags);
  std::optional<std::int64_t> max_age_us;
  if (!flags.max_age.empty()) max_age_us = parse_flag("max-age", flags.max_age, parse_duration_us);
  const Scene scene = look(context, max_age_us);
  refuse_unknown_venvs(scene.world, selectors);
  const Selection selection = select(scene.world, selectors);
  RowSet rows;
  rows.columns = {{"upid"},
                  {"pid"},
                  {"parent_pid"},
                  {"name"},
                  {"user"},
                  {"started_at", Unit::InstantText},
                  {"command_line"},
                  {"venv"},
                  {"venv_evidence"},
                  {"ports"},
                  {"started_us", Unit::InstantUs}};
  for (const Match& match : selection.matches) rows.rows.push_back(row_of(match, scene));
  context.print(rows);
  if (rows.rows.empty()) context.say("No row.");
  for (const SocketReading* socket : selection.hidden_holders) {
    context.say(fmt::format("Who holds {} {}:{} may not be seen by this user.", to_text(socket->protocol),
                            socket->address, socket->port));
  }
  return ExitCode::Done;
}

}  // namespace

void add_find(CLI::App& app, Context& context) {
  auto flags = std::make_shared<FindFlags>();
  CLI::App* verb = app.add_subcommand("find", kDescription);
  verb->footer(kCommonFlagsNote);
  const auto add = [&](const char* flag, std::vector<std::string>& values, const char* help, const char* type) {
    verb->add_option(flag, values, help)->type_name(type)->allow_extra_args(false);
  };
  add("--port", flags->ports, "Who holds this TCP or UDP port, 1 to 65535", "P");
  add("--name", flags->names, "Who has this name", "N");
  add("--venv", flags->venvs, kVenvHelp, "DIR");
  add("--user", flags->users, "Whose effective user this is, name or number", "U");
  verb->add_option("--max-age", flags->max_age, "Answer from the recording when its newest look is at most this old")
      ->type_name("D");
  context.actions[verb] = [flags, &context] { return find(*flags, context); };
}

}  // namespace galproc
