#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "action/leftovers.h"
#include "cli/command.h"
#include "model/text.h"
#include "platform/environment.h"
#include "render/cells.h"
#include "render/renderer.h"

namespace galproc {

namespace fs = std::filesystem;

void Context::say(const std::string& sentence) const {
  if (!common.quiet) err << "galproc: " << escape_controls(sentence) << std::endl;
}

namespace {

RenderOptions render_options(const CommonOptions& common) {
  const Terminal terminal = stdout_terminal();
  RenderOptions options;
  options.width = terminal.attached ? terminal.columns : 0;
  const bool plain = environment_variable("NO_COLOR") || environment_variable("TERM") == "dumb";
  options.color = common.color == "always" || (common.color == "auto" && terminal.attached && !plain);
  return options;
}

/// One row set upright: its columns as rows of field and value, in the words that people read.
RowSet fields_of(const RowSet& row) {
  RowSet fields;
  fields.columns = {{"field", Unit::None}, {"value", Unit::None}};
  for (const std::size_t column : readable_columns(row)) {
    fields.rows.push_back({row.columns[column].name, display_text(row.rows.front()[column], row.columns[column].unit)});
  }
  return fields;
}

/// One name for one file, as its lock and its -wal have it; opening it tells where that cannot be known.
fs::path real_path(const fs::path& named) {
  std::error_code ignored;
  return without_links(fs::absolute(named), ignored);
}

}  // namespace

void Context::print(const RowSet& rows) const {
  make_renderer(parse_format(common.format).value_or(Format::Table), render_options(common))->render(rows, out);
}

namespace {

/// The command that shows what does not fit on the screen; empty: none is wanted, or this is no place for one.
std::string pager(const Terminal& terminal) {
  if (!terminal.attached || terminal.rows == 0 || environment_variable("TERM") == "dumb") return "";
  const bool is_for_another = environment_variable("SUDO_UID").has_value();  // who asked chooses no program for root
  auto command = is_for_another ? std::nullopt : environment_variable("GALPROC_PAGER");
  if (!command && !is_for_another) command = environment_variable("PAGER");
  if (!command) return "LESS=\"${LESS-FRX}\" exec less 2>/dev/null";
  return *command == "cat" ? "" : *command;
}

}  // namespace

void Context::print_long(const RowSet& rows) const {
  const Terminal terminal = stdout_terminal();
  const std::string command = pager(terminal);
  if (command.empty()) return print(rows);
  std::ostringstream text;
  make_renderer(parse_format(common.format).value_or(Format::Table), render_options(common))->render(rows, text);
  const std::string shown = std::move(text).str();
  const bool fits = std::count(shown.begin(), shown.end(), '\n') < terminal.rows;
  out.flush();
  if (fits || !show_through(command, shown)) out << shown;
}

namespace {

void print_fields(const Context& context, const RowSet& row, bool as_object) {
  const Format format = parse_format(context.common.format).value_or(Format::Table);
  RenderOptions options = render_options(context.common);
  options.object = as_object;
  const bool upright = format == Format::Table || format == Format::Markdown;
  make_renderer(format, options)->render(upright ? fields_of(row) : row, context.out);
}

}  // namespace

void Context::print_object(const RowSet& row) const {
  print_fields(*this, row, true);
}

void Context::print_upright(const RowSet& row) const {
  print_fields(*this, row, false);
}

namespace {

std::optional<fs::path> named_database(const Context& context) {
  if (context.common.database == std::optional<std::string>("")) throw UsageError("--db names no file: it is empty.");
  if (context.common.database) return *context.common.database;
  if (const auto path = environment_variable("GALPROC_DB")) return *path;
  return std::nullopt;
}

fs::path users_own(const StandardPaths& paths) {
  if (paths.user_database.empty()) {
    throw UsageError("No database is named and HOME is not set. Name one with --db.");
  }
  return paths.user_database;
}

}  // namespace

std::string existing_folder(const std::string& flag, const std::string& text) {
  std::error_code error;
  const fs::path folder = fs::canonical(text, error);
  if (error || !fs::is_directory(folder, error)) {
    throw UsageError(fmt::format("--{}: {} is not a folder that can be read{}. Name another.", flag,
                                 escape_controls(text), error ? " (" + error.message() + ")" : ""));
  }
  return folder.string();
}

std::string existing_venv(const std::string& text) {
  const auto is_venv = [](const fs::path& folder) {
    std::error_code unknown;
    // An interpreter may be a link that leads to nothing any more.
    return fs::exists(folder / "pyvenv.cfg", unknown) ||
           fs::exists(fs::symlink_status(folder / "bin" / "python", unknown)) ||
           fs::exists(folder / "Scripts" / "python.exe", unknown);
  };
  std::string folder = existing_folder("venv", text);
  if (is_venv(folder)) return folder;
  std::string next = "Name the folder that `python3 -m venv` made.";
  for (const char* usual : {".venv", "venv"}) {
    if (is_venv(fs::path(folder) / usual)) next = "Did you mean " + (fs::path(folder) / usual).string() + "?";
  }
  throw UsageError(
      fmt::format("--venv: {} is no virtual environment: it has neither pyvenv.cfg nor bin/python. {}", folder, next));
}

fs::path database_to_write(const Context& context) {
  if (const auto named = named_database(context)) return real_path(*named);
  const StandardPaths paths = standard_paths();
  return real_path(is_administrator() ? paths.system_database : users_own(paths));
}

fs::path database_to_read(const Context& context, bool say_which) {
  if (const auto named = named_database(context)) {
    if (say_which) context.say("Reading " + fs::absolute(*named).string() + ".");
    return real_path(*named);
  }
  const StandardPaths paths = standard_paths();
  const bool system = is_administrator() || is_readable(paths.system_database);
  fs::path chosen = system ? paths.system_database : users_own(paths);
  const fs::path other = system ? paths.user_database : paths.system_database;
  std::error_code ignored;
  const bool both = !other.empty() && fs::exists(other, ignored);
  if (say_which)
    context.say("Reading " + chosen.string() + (both ? "; there is " + other.string() + " too (--db)." : "."));
  return real_path(chosen);
}

SQLite::Database open_to_read(const Context& context, bool say_which) {
  SQLite::Database database = open_for_reading(database_to_read(context, say_which));
  tell_of_leftovers(database, context);
  return database;
}

void tell_of_leftovers(SQLite::Database& database, const Context& context) {
  if (context.common.quiet) return;
  const auto platform = make_platform();
  for (const std::string& sentence : stopped_leftovers(database, *platform)) context.say(sentence);
}

}  // namespace galproc
