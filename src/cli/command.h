#pragma once

#include <CLI/App.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "model/errors.h"
#include "model/rows.h"
#include "store/database.h"

namespace galproc {

/// Flags that every verb takes, as they were typed.
struct CommonOptions {
  std::optional<std::string> database;
  std::string format = "table";
  bool json = false;
  std::string color = "auto";
  std::string config;
  bool quiet = false;
  int verbosity = 0;
};

/// Keys of the configuration that are no flags.
struct ConfigLists {
  std::vector<std::string> protect;
  std::vector<std::string> redact;
  std::string signals = "ending";
};

/// What the verbs share in one run of the program. Data goes to `out`, everything else to `err`.
struct Context {
  std::ostream& out;
  std::ostream& err;
  CommonOptions common;
  ConfigLists lists;
  bool applying_config = false;  ///< values that flags take right now come from a file, nobody typed them
  /// What to do for each verb once everything is parsed and the configuration is applied.
  std::map<const CLI::App*, std::function<ExitCode()>> actions;
  /// Whether a flag of `query` belongs to the query that was named.
  std::function<bool(const std::string&)> is_of_named_query;

  /// A sentence for people; silent with --quiet.
  void say(const std::string& sentence) const;
  /// Writes the rows in the format that was asked for.
  void print(const RowSet& rows) const;
  /// The same; what is longer than the terminal it goes to is shown by a pager: GALPROC_PAGER, PAGER, less.
  void print_long(const RowSet& rows) const;
  /// Writes the only row of an answer about one thing: JSON as one object, a table or Markdown as field and value.
  void print_object(const RowSet& row) const;
  /// The same of one row among others that there might be: JSON as an array.
  void print_upright(const RowSet& row) const;
};

/// Ends the help of every verb.
constexpr const char* kCommonFlagsNote =
    "\n--db, --format, --json, --color, --config, -q and -v stand before or after the verb: see `galproc --help`.";

/// The group of flags that belong to some named queries only.
constexpr const char* kQueryParameters = "Parameters of the queries";

/// Each adds its verb to the program. `arguments` are those of the command line: a verb may have to look ahead.
void add_record(CLI::App& app, Context& context);
void add_query(CLI::App& app, Context& context, const std::vector<std::string>& arguments);
void add_db(CLI::App& app, Context& context);
void add_kill(CLI::App& app, Context& context);
/// `program`: what stands behind `--`.
void add_start(CLI::App& app, Context& context, const std::vector<std::string>& program);
void add_stop(CLI::App& app, Context& context);
void add_services(CLI::App& app, Context& context);

/// The folder that a flag names, absolute and without links. Throws UsageError where there is none.
std::string existing_folder(const std::string& flag, const std::string& text);
/// The same of --venv, which is to be a Python virtual environment: it has pyvenv.cfg or an interpreter.
std::string existing_venv(const std::string& text);
void add_find(CLI::App& app, Context& context);
void add_resolve(CLI::App& app, Context& context);
void add_resources(CLI::App& app, Context& context);
void add_doctor(CLI::App& app, Context& context);
/// `typed`: the words behind `--` that are to be completed.
void add_completion(CLI::App& app, Context& context, const std::vector<std::string>& typed);
void add_inspect(CLI::App& app, Context& context);

/// The database that a writing verb makes or opens: --db, GALPROC_DB, the system's for an administrator, else the
/// user's.
std::filesystem::path database_to_write(const Context& context);
/// The database that a reading verb opens; says on stderr which one, and which other one exists, unless told not to.
std::filesystem::path database_to_read(const Context& context, bool say_which = true);

/// The database of a reading verb, open: that of database_to_read(). Says whom a kill that was ended half-way had
/// stopped and who is stopped still, as every verb that opens one does. Throws as open_for_reading() does.
SQLite::Database open_to_read(const Context& context, bool say_which = true);
/// The same sentences, of a file that is open.
void tell_of_leftovers(SQLite::Database& database, const Context& context);

/// Fills every flag of `verb` that was not typed from the configuration files, and `context.lists`.
/// Throws UsageError that names the file for a file that cannot be read, an unknown key, a bad value.
void apply_config(CLI::App& app, CLI::App& verb, Context& context);

/// Runs `parse(text)` and puts the flag's name before the sentence of a UsageError.
template <typename Parse>
auto parse_flag(const std::string& flag, const std::string& text, Parse parse) {
  try {
    return parse(text);
  } catch (const UsageError& error) {
    throw UsageError("--" + flag + ": " + error.what());
  }
}

}  // namespace galproc
