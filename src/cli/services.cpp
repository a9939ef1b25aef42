#include <CLI/App.hpp>
#include <memory>

#include "cli/command.h"
#include "model/signals.h"
#include "platform/platform.h"
#include "store/database.h"
#include "store/statement.h"

namespace galproc {

namespace {

constexpr const char* kDescription =
    "The services that galproc started and that run.\n"
    "\n"
    "Examples:\n"
    "  galproc services\n"
    "  galproc services --all                    those that have ended too\n"
    "  galproc services --json -q | jq -r '.[].log_path'\n";

constexpr const char* kSelect =
    "SELECT s.service_id, s.service, s.upid, s.pid, s.name, s.state, s.venv, s.command_line, s.log_path,"
    " s.started_at, s.ended_at, s.exit_code, s.exit_signal, s.started_us, s.ended_us,"
    " s.start_token, b.boot_uuid, b.pid_namespace"
    " FROM services AS s JOIN boot AS b ON b.boot_id = s.boot_id"
    " ORDER BY s.started_us, s.service_id";

enum Cell {
  kPid = 3,
  kState = 5,
  kExitCode = 11,
  kExitSignal = 12,
  kPrinted = 15,
  kToken = 15,
  kBoot = 16,
  kSpace = 17
};

Value cell_of(const SQLite::Column& column) {
  if (column.isNull()) return {};
  return column.isInteger() ? Value(column.getInt64()) : Value(column.getString());
}

/// What the log calls running may be over, where no recorder has seen the end: the system itself is asked.
void correct(std::vector<Value>& row, const HostReading& host, Platform& platform) {
  if (std::get<std::string>(row[kState]) != "running") return;
  const bool this_boot = std::get<std::string>(row[kBoot]) == host.boot_uuid;
  if (this_boot && std::get<std::int64_t>(row[kSpace]) != host.pid_namespace) return;  // its pid is not ours to look up
  const ProcessKey key{std::get<std::int64_t>(row[kPid]), std::get<std::int64_t>(row[kToken])};
  OpenedProcess process;
  if (this_boot) process = platform.open_process(key);
  using Why = OpenedProcess::Why;
  const bool ended = !this_boot || process.why == Why::Gone || process.why == Why::IdentityChanged ||
                     (process.handle && process.handle->has_ended());
  if (!ended) return;
  row[kState] = std::string("ended");
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
  const std::filesystem::path path = database_to_read(context);
  std::vector<std::vector<Value>> logged;
  {
    SQLite::Database database = open_for_reading(path);
    tell_of_leftovers(database, context);
    Prepared select(database, kSelect);
    select.rows([&](SQLite::Statement& row) {
      std::vector<Value>& cells = logged.emplace_back();
      for (int i = 0; i < row.getColumnCount(); ++i) cells.push_back(cell_of(row.getColumn(i)));
    });
  }
  const std::unique_ptr<Platform> platform = make_platform();
  const HostReading host = platform->host();
  for (std::vector<Value>& row : logged) {
    correct(row, host, *platform);
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
