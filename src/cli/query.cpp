#include <fmt/format.h>

#include <CLI/App.hpp>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <new>
#include <set>

#include "cli/command.h"
#include "cli/query_help.h"
#include "cli/query_moment.h"
#include "model/text.h"
#include "model/time_words.h"
#include "platform/environment.h"
#include "store/database.h"
#include "store/deadline.h"
#include "store/query_catalogue.h"
#include "store/query_run.h"

namespace galproc {

namespace {

constexpr const char* kDescription =
    "Ask the recording. Without NAME: the list of questions.\n"
    "\n"
    "Examples:\n"
    "  galproc query tree --at 03:12\n"
    "  galproc query port-holder --port 8080 --at '2h ago'\n"
    "  galproc query top --since 03:00 --until 03:15 --by memory --limit 10\n"
    "  galproc query port-holder --help                what one question takes and gives\n"
    "  galproc query --run \"SELECT * FROM gaps\" --json\n";

/// The flags as they were typed.
struct QueryFlags {
  std::string name;
  std::string run;
  std::string queries_dir;
  std::string limit;
  std::string timeout = "5m";
  bool sql = false;
  bool explain = false;
  bool help = false;
  std::map<std::string, std::string> values;  ///< of the queries' own parameters
  /// The same from the configuration: they matter to queries that have them, and are no mistake for the others.
  std::map<std::string, std::string> configured;
  bool has_run = false;             ///< --run was given, be it with an empty statement
  std::set<std::string> set_flags;  ///< parameters without a value that were given
};

/// The folder of further queries has to be known before the flags are parsed: its queries bring flags of their own.
std::string queries_folder(const std::vector<std::string>& arguments) {
  constexpr std::string_view kFlag = "--queries-dir";
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == kFlag && i + 1 < arguments.size()) return arguments[i + 1];
    if (arguments[i].starts_with(std::string(kFlag) + "=")) return arguments[i].substr(kFlag.size() + 1);
  }
  return "";
}

std::optional<std::size_t> parse_limit(const std::string& text) {
  if (text.empty()) return std::nullopt;
  std::size_t limit = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error != std::errc() || rest != text.data() + text.size() || limit == 0) {
    throw UsageError(fmt::format("--limit: '{}' is not a number of rows, 1 or more.", escape_controls(text)));
  }
  return limit;
}

const NamedQuery& find_query(const QueryCatalogue& catalogue, const std::string& name) {
  if (const NamedQuery* query = catalogue.find(name)) return *query;
  std::vector<std::string> names;
  for (const NamedQuery& query : catalogue.all()) names.push_back(query.name);
  const std::string near = did_you_mean(name, names);
  throw UsageError(
      fmt::format("There is no query {}. {}", escape_controls(name),
                  near.empty() ? "See `galproc query` for the list." : fmt::format("Did you mean {}?", near)));
}

/// Refuses parameters that belong to other queries.
void check_parameters(const QueryFlags& flags, const NamedQuery& query) {
  std::set<std::string> given = flags.set_flags;
  for (const auto& [name, value] : flags.values) given.insert(name);
  std::vector<std::string> own;
  for (const QueryParam& param : query.params) own.push_back(param.name);
  for (const std::string& name : given) {
    if (query.find_param(name)) continue;
    throw UsageError(
        fmt::format("The query {} has no parameter --{}. {}", query.name, name,
                    own.empty() ? "It takes none." : fmt::format("It takes --{}.", fmt::join(own, ", --"))));
  }
}

ExitCode list_queries(const QueryCatalogue& catalogue, const Context& context) {
  RowSet rows;
  rows.columns = {{"name", Unit::None}, {"summary", Unit::None}};
  for (const NamedQuery& query : catalogue.all()) rows.rows.push_back({query.name, query.summary});
  context.print_long(rows);
  return ExitCode::Done;
}

void tell_if_cut(const Context& context, bool more, std::optional<std::size_t> limit) {
  if (more && limit) context.say(fmt::format("There are more rows than --limit {} lets through.", *limit));
}

[[noreturn]] void refuse_for_memory() {
  throw Error(ExitCode::Failed,
              "The question takes more memory than half of what this machine has, or than it is allowed, and is ended. "
              "Ask for less (--since, --until, --limit).");
}

/// What `ask` gives, or Error (exit 1) once it takes longer than --timeout or too much memory.
template <typename Ask>
auto in_time(const QueryFlags& flags, SQLite::Database& database, const Context& context, const Ask& ask) {
  const OwnMemoryLimit limit;
  const std::string sentence = fmt::format(
      "The question was not answered within --timeout {} and is ended. Ask for less (--since, --until, --limit), or "
      "give it longer.",
      escape_controls(flags.timeout));
  // Whoever only reads leaves nothing half done; the kernel gives back its locks.
  const auto end = [&] {
    context.err << "galproc: " << sentence << std::endl;
    std::_Exit(static_cast<int>(ExitCode::Failed));
  };
  const Deadline deadline(database, parse_flag("timeout", flags.timeout, parse_duration_us), end);
  try {
    return ask();
  } catch (const SQLite::Exception& error) {
    if (is_out_of_memory(error)) refuse_for_memory();
    if (!is_of_deadline(error)) throw;
    throw Error(ExitCode::Failed, sentence);
  } catch (const std::bad_alloc&) {
    refuse_for_memory();
  }
}

ExitCode run_statement(const QueryFlags& flags, const Context& context) {
  if (!flags.values.empty() || !flags.set_flags.empty()) {
    throw UsageError("--run takes a whole statement; parameters belong to named queries.");
  }
  SQLite::Database database = open_to_read(context);
  bool more = false;
  const auto limit = parse_limit(flags.limit);
  const RowSet rows = in_time(flags, database, context, [&] {
    return flags.explain ? explain_sql(database, flags.run) : run_sql(database, flags.run, limit, &more);
  });
  context.print_long(rows);
  tell_if_cut(context, more, limit);
  return ExitCode::Done;
}

ExitCode run_named(const QueryFlags& flags, const QueryCatalogue& catalogue, const Context& context) {
  const NamedQuery& query = find_query(catalogue, flags.name);
  if (flags.help) {
    context.out << query_help(query);
    return ExitCode::Done;
  }
  check_parameters(flags, query);
  if (flags.sql) {
    context.out << query_to_paste(query);
    return ExitCode::Done;
  }
  const auto limit = parse_limit(flags.limit);
  if (flags.explain) {
    SQLite::Database database = open_to_read(context);
    context.print_long(in_time(flags, database, context, [&] { return explain_query(database, query); }));
    return ExitCode::Done;
  }
  std::map<std::string, std::string> words = flags.values;
  for (const auto& [name, value] : flags.configured) {
    if (query.find_param(name)) words.emplace(name, value);
  }
  if (limit && query.find_param("limit")) words["limit"] = flags.limit;
  QueryMoment moment(query, words, flags.set_flags);
  check_choices(query, moment.bindings());
  SQLite::Database database = open_to_read(context);
  bool more = false;
  std::vector<std::string> notices;
  const RowSet rows = in_time(flags, database, context, [&] {
    moment.find_in(database);
    for (const std::string& sentence : moment.before()) context.say(sentence);
    RowSet answer = run_query(database, query, moment.bindings(), limit, &more);
    notices = moment.about_gaps(database);
    return answer;
  });
  context.print_long(rows);
  if (rows.rows.empty()) context.say("No row.");
  tell_if_cut(context, more, limit);
  for (const std::string& sentence : notices) context.say(sentence);
  return ExitCode::Done;
}

ExitCode run_query_verb(const QueryFlags& flags, const QueryCatalogue& catalogue, const CLI::App& verb,
                        const Context& context) {
  if (flags.name.empty() && flags.help) {
    context.out << verb.help();
    return ExitCode::Done;
  }
  if (flags.has_run) {
    if (!flags.name.empty())
      throw UsageError("--run takes a statement, and a named query was given too. Give one of them.");
    return run_statement(flags, context);
  }
  if (!flags.name.empty()) return run_named(flags, catalogue, context);
  if (flags.sql || flags.explain || !flags.values.empty() || !flags.set_flags.empty()) {
    throw UsageError("No query is named. `galproc query` lists them.");
  }
  return list_queries(catalogue, context);
}

/// Every parameter of every query is a flag of the verb: whether the query that is named has it is checked later.
void add_parameters(CLI::App& verb, const QueryCatalogue& catalogue, const std::shared_ptr<QueryFlags>& flags,
                    const Context& context) {
  struct Shared {
    ParamType type;
    std::set<std::string> helps;
    std::vector<std::string> queries;
  };
  std::map<std::string, Shared> params;
  for (const NamedQuery& query : catalogue.all()) {
    for (const QueryParam& param : query.params) {
      Shared& shared = params.try_emplace(param.name, Shared{param.type, {}, {}}).first->second;
      shared.helps.insert(param.help);
      shared.queries.push_back(query.name);
    }
  }
  params.erase("limit");  // the verb's own flag, which a query may want to know of too
  for (const auto& [name, param] : params) {
    const std::string key = name;
    std::string help = *param.helps.begin();
    if (param.helps.size() > 1) {
      constexpr std::size_t kNamed = 4;
      help = param.queries.size() > kNamed ? "of many queries: see theirs"
                                           : fmt::format("of {}: see theirs", fmt::join(param.queries, ", "));
    }
    if (param.type != ParamType::Flag) {
      const auto take = [flags, key, &context](const std::string& text) {
        (context.applying_config ? flags->configured : flags->values)[key] = text;
      };
      verb.add_option_function<std::string>("--" + key, take, help)->type_name("VALUE")->group(kQueryParameters);
    } else {
      verb.add_flag_callback(
              "--" + key, [flags, key] { flags->set_flags.insert(key); }, help)
          ->group(kQueryParameters);
    }
  }
}

}  // namespace

void add_query(CLI::App& app, Context& context, const std::vector<std::string>& arguments) {
  auto flags = std::make_shared<QueryFlags>();
  auto catalogue = std::make_shared<QueryCatalogue>(QueryCatalogue::built_in());
  const std::string typed_folder = queries_folder(arguments);
  if (!typed_folder.empty()) catalogue->add_folder(typed_folder);

  CLI::App* verb = app.add_subcommand("query", kDescription);
  verb->footer(kCommonFlagsNote);
  verb->set_help_flag();  // its help depends on NAME
  verb->add_flag("-h,--help", flags->help, "This text, or with NAME what that query takes and gives");
  verb->add_option("NAME", flags->name, "One of the names that `galproc query` lists");
  verb->add_option("--run", flags->run, "One read-only statement of your own")->type_name("SQL");
  verb->add_option("--limit", flags->limit, "At most this many rows")->type_name("N");
  verb->add_option("--timeout", flags->timeout, "Give up after this long: 30s, 5m, 1h")
      ->type_name("DURATION")
      ->capture_default_str();
  verb->add_option("--queries-dir", flags->queries_dir, "A folder of further queries")->type_name("DIR");
  verb->add_flag("--sql", flags->sql, "Print the statement instead of running it");
  verb->add_flag("--explain", flags->explain, "Print SQLite's plan instead of running it");
  add_parameters(*verb, *catalogue, flags, context);
  context.is_of_named_query = [flags, catalogue, verb](const std::string& flag) {
    const NamedQuery* query = catalogue->find(flags->name);
    const CLI::Option* option = verb->get_option_no_throw(flag);
    return query == nullptr || option == nullptr || option->get_group() != kQueryParameters ||
           query->find_param(flag.substr(2)) != nullptr;
  };
  context.actions[verb] = [flags, catalogue, verb, &context, typed_folder] {
    flags->has_run = verb->get_option("--run")->count() > 0;
    if (typed_folder.empty() && !flags->queries_dir.empty()) catalogue->add_folder(flags->queries_dir);
    return run_query_verb(*flags, *catalogue, *verb, context);
  };
}

}  // namespace galproc
