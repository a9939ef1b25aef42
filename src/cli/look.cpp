#include "cli/look.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "model/text.h"
#include "model/venv.h"
#include "platform/environment.h"
#include "store/database.h"
#include "store/upids.h"

namespace galproc {

namespace {

std::optional<std::int64_t> parse_whole(const std::string& text) {
  std::int64_t value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && rest == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

}  // namespace

std::int64_t parse_pid(const std::string& text) {
  const auto pid = parse_whole(text);
  if (!pid || *pid < 1) throw UsageError(fmt::format("'{}' is not a pid, 1 or more.", escape_controls(text)));
  return *pid;
}

std::int64_t parse_port(const std::string& text) {
  const auto port = parse_whole(text);
  if (!port || *port < 1 || *port > 65535) {
    throw UsageError(fmt::format("'{}' is not a port, 1 to 65535.", escape_controls(text)));
  }
  return *port;
}

void add_venv(const std::string& typed, Selectors& selectors) {
  namespace fs = std::filesystem;
  std::error_code unknown;
  const bool is_gone = !typed.empty() && fs::status(typed, unknown).type() == fs::file_type::not_found;
  const std::string real = is_gone ? fs::weakly_canonical(typed).string() : existing_venv(typed);
  const std::string named = fs::absolute(typed).lexically_normal().string();
  std::vector<std::string>& folders = is_gone ? selectors.gone_venvs : selectors.venvs;
  folders.push_back(real);
  if (named != real && named != real + "/") folders.push_back(named);
}

void refuse_unknown_venvs(const World& world, const Selectors& selectors) {
  std::unordered_map<std::string, bool> is_named;  // by the real path
  for (const std::string& folder : selectors.gone_venvs) {
    const auto& processes = world.processes.processes;
    is_named[std::filesystem::weakly_canonical(folder).string()] |= std::any_of(
        processes.begin(), processes.end(),
        [&](const ProcessReading& process) { return !process.ended && gone_venv_evidence(*process.image, folder); });
  }
  for (const auto& [folder, named] : is_named) {
    if (named) continue;
    throw UsageError(fmt::format(
        "--venv: {} is not a folder that can be read (it is not there), and no process has it as its virtual "
        "environment. Name another.",
        escape_controls(folder)));
  }
}

std::unordered_map<ProcessKey, std::int64_t, ProcessKeyHash> recorded_upids(const Context& context,
                                                                            const HostReading& host,
                                                                            const ProcessPass& processes) {
  std::unordered_map<ProcessKey, std::int64_t, ProcessKeyHash> found;
  const auto explain = [&](const std::string& reason) {
    const bool named = context.common.database || environment_variable("GALPROC_DB");
    if (named || context.common.verbosity > 0) context.say("No upids: " + reason);
  };
  try {
    SQLite::Database database = open_to_read(context, context.common.verbosity > 0);
    const SQLite::Transaction one_lock_for_all(database);
    Upids upids(database, host);
    for (const ProcessReading& process : processes.processes) {
      if (const auto upid = upids.of(process.key)) found.emplace(process.key, *upid);
    }
  } catch (const Error& error) {
    explain(error.what());
  } catch (const SQLite::Exception& error) {
    explain("The database failed: " + describe(error) + ".");
  }
  return found;
}

RowSet make_row(const std::vector<std::pair<Column, Value>>& cells) {
  RowSet row;
  row.rows.emplace_back();
  for (const auto& [column, value] : cells) {
    row.columns.push_back(column);
    row.rows.front().push_back(value);
  }
  return row;
}

Value user_cell(const ProcessImage& image) {
  if (image.user_name) return *image.user_name;
  return image.user_id ? Value(std::to_string(*image.user_id)) : Value();
}

Value command_line_cell(const ProcessImage& image) {
  return image.arguments ? Value(join_command_line(*image.arguments)) : Value();
}

void ListMaker::add(const std::string& text, List::Item item) {
  list_.text += (list_.items.empty() ? "" : ", ") + text;
  list_.items.push_back(std::move(item));
}

Value ports_cell(const SocketPass& sockets, const ProcessReading& holder) {
  ListMaker ports;
  for (const SocketReading& socket : sockets.sockets) {
    if (std::find(socket.holders.begin(), socket.holders.end(), holder.key) == socket.holders.end()) continue;
    ports.add(fmt::format("{} {}:{}", to_text(socket.protocol), socket.address, socket.port),
              {{"protocol", to_text(socket.protocol)}, {"address", socket.address}, {"port", socket.port}});
  }
  // Who may not read what it runs may not read its descriptors either.
  const bool is_hidden = !holder.kernel_thread && !holder.image->executable;
  return ports.empty() && is_hidden ? Value() : ports.value();
}

}  // namespace galproc
