#include <CLI/App.hpp>
#include <memory>

#include "cli/command.h"
#include "cli/look.h"
#include "model/service.h"
#include "model/signals.h"
#include "platform/platform.h"
#include "store/database.h"
#include "store/process_store.h"
#include "store/statement.h"
#include "store/upids.h"

namespace galproc {

namespace {

constexpr const char* kDescription =
    "The services that galproc started and that run: where the first process of one has ended, the oldest of those "
    "that\n"
    "are left stands for it.\n"
    "\n"
    "Examples:\n"
    "  galproc services\n"
    "  galproc services --all                    those that have ended too\n"
    "  galproc services --json -q | jq -r '.[].log_path'\n";

constexpr const char* kSelect =
    "SELECT s.service_id, s.service, s.upid, s.pid, s.name, s.state, s.venv, s.command_line, s.log_path,"
    " s.started_at, s.ended_at, s.exit_code, s.exit_signal, s.started_us, s.ended_us,"
    " s.start_token, b.boot_uuid, b.pid_namespace, s.marker, s.cgroup"
    " FROM services AS s JOIN boot AS b ON b.boot_id = s.boot_id"
    " ORDER BY s.started_us, s.service_id";

enum Cell {
  kUpid = 2,
  kPid = 3,
  kName = 4,
  kState = 5,
  kCommandLine = 7,
  kEndedAt = 10,
  kExitCode = 11,
  kExitSignal = 12,
  kEndedUs = 14,
  kPrinted = 15,
  kToken = 15,
  kBoot = 16,
  kSpace = 17,
  kMarker = 18,
  kGroup = 19
};

Value cell_of(const SQLite::Column& column) {
  if (column.isNull()) return {};
  return column.isInteger() ? Value(column.getInt64()) : Value(column.getString());
}

LoggedService service_of(const std::vector<Value>& row, const HostReading& host) {
  LoggedService service;
  service.marker = std::get<std::string>(row[kMarker]);
  service.key = {std::get<std::int64_t>(row[kPid]), std::get<std::int64_t>(row[kToken])};
  service.this_boot =
      std::get<std::string>(row[kBoot]) == host.boot_uuid && std::get<std::int64_t>(row[kSpace]) == host.pid_namespace;
  if (const auto* group = std::get_if<std::string>(&row[kGroup])) service.cgroup = *group;
  return service;
}

/// One of this boot and another pid namespace has pids that are not ours to look up.
bool can_tell(const std::vector<Value>& row, const LoggedService& service, const HostReading& host) {
  return service.this_boot || std::get<std::string>(row[kBoot]) != host.boot_uuid;
}

/// One that runs: where its first process has ended, the oldest that is left stands for it.
void show_running(std::vector<Value>& row, const ProcessReading& process, const LoggedService& service, Upids& upids,
                  const Redactor& redactor) {
  row[kState] = std::string("running");
  for (const Cell unknown : {kEndedAt, kEndedUs, kExitCode, kExitSignal}) row[unknown] = {};
  if (service.this_boot && process.key == service.key) return;
  row[kUpid] = cell(upids.of(process.key));
  row[kPid] = process.key.pid;
  row[kName] = process.image->name;
  row[kCommandLine] = cell(stored_image(*process.image, &redactor).command_line);
}

/// What the log calls running may be over, where no recorder has seen the end.
void show_ended(std::vector<Value>& row, const LoggedService& service, Platform& platform) {
  row[kState] = std::string("ended");
  const OpenedProcess process = service.this_boot ? platform.open_process(service.key) : OpenedProcess{};
  const auto status = process.handle ? process.handle->wait_status() : std::nullopt;
  if (!status) return;
  const std::int64_t signal = *status & 0x7f;
  if (signal == 0) row[kExitCode] = *status >> 8 & 0xff;
  if (signal != 0) row[kExitSignal] = signal_name(signal);
}

ExitCode list(bool all, const Context& context) {
  RowSet rows;
  rows.columns = {{"service_id"},
                  {"service"},
                  {"upid"},
                  {"pid"},
                  {"name"},
                  {"state"},
                  {"venv"},
                  {"command_line"},
                  {"log_path"},
                  {"started_at", Unit::InstantText},
                  {"ended_at", Unit::InstantText},
                  {"exit_code"},
                  {"exit_signal"},
                  {"started_us", Unit::InstantUs},
                  {"ended_us", Unit::InstantUs}};
  SQLite::Database database = open_to_read(context);
  std::vector<std::vector<Value>> logged;
  Prepared(database, kSelect).rows([&](SQLite::Statement& row) {
    std::vector<Value>& cells = logged.emplace_back();
    for (int i = 0; i < row.getColumnCount(); ++i) cells.push_back(cell_of(row.getColumn(i)));
  });
  const std::unique_ptr<Platform> platform = make_platform();
  const HostReading host = platform->host();
  const ProcessPass pass = platform->read_processes();
  const Redactor redactor(context.lists.redact);
  Upids upids(database, host);
  for (std::vector<Value>& row : logged) {
    const LoggedService service = service_of(row, host);
    const auto members = living_members(pass, service);
    if (!members.empty()) {
      show_running(row, *members.front(), service, upids, redactor);
    } else if (std::get<std::string>(row[kState]) == "running" && can_tell(row, service, host)) {
      show_ended(row, service, *platform);
    }
    if (!all && std::get<std::string>(row[kState]) != "running") continue;
    row.resize(kPrinted);
    rows.rows.push_back(std::move(row));
  }
  context.print(rows);
  return ExitCode::Done;
}

}  // namespace

void add_services(CLI::App& app, Context& context) {
  auto all = std::make_shared<bool>(false);
  CLI::App* verb = app.add_subcommand("services", kDescription);
  verb->footer(kCommonFlagsNote);
  verb->add_flag("--all", *all, "Those that have ended too");
  context.actions[verb] = [all, &context] { return list(*all, context); };
}

}  // namespace galproc
