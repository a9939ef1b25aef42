// The header of a query file: everything that it can say, and everything that can be wrong with it.

#include "store/query_catalogue.h"

#include <gtest/gtest.h>

#include <fstream>

#include "model/errors.h"
#include "support/temporary_folder.h"

namespace galproc {
namespace {

const std::string kWhole =
    "-- name: port-holder\n"
    "-- summary: who held a port\n"
    "-- why: two lines that\n"
    "--      belong together\n"
    "--\n"
    "-- example: galproc query port-holder --port 8080 --at 03:12\n"
    "-- example: galproc query port-holder --port 22\n"
    "-- param: port integer required: TCP or UDP: the number\n"
    "-- param: at instant default 03:12: the moment\n"
    "-- param: by text of cpu|memory default cpu: the order\n"
    "-- param: all flag default 0: everything\n"
    "-- param: max-size size:\n"
    "--        the help, on a line of its own\n"
    "-- require: at | by\n"
    "-- column: depth integer: how deep\n"
    "-- column: load_1m real: a number\n"
    "-- column: name text: a word\n"
    "-- tree: name\n"
    "\n"
    "SELECT 1 AS depth, ';--' AS name -- not a second statement; this\n"
    "FROM t /* nor; this */ WHERE x = :max_size;\n"
    "-- the end\n";

NamedQuery parse(const std::string& text) {
  return parse_query(text, "port-holder", "dir/port-holder.sql");
}

/// The message of the error that a text gives.
std::string fault_of(const std::string& text) {
  try {
    parse(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::Failed);
    return error.what();
  }
  return "no error";
}

/// kWhole with one part exchanged.
std::string with(const std::string& before, const std::string& after) {
  std::string text = kWhole;
  const std::size_t at = text.find(before);
  EXPECT_NE(at, std::string::npos) << before;
  return text.replace(at, before.size(), after);
}

struct Mistake {
  std::string text;
  int line;
  std::string words;
};

void expect_fault(const Mistake& mistake) {
  const std::string fault = fault_of(mistake.text);
  EXPECT_NE(fault.find("dir/port-holder.sql:" + std::to_string(mistake.line) + ": "), std::string::npos) << fault;
  EXPECT_NE(fault.find(mistake.words), std::string::npos) << fault << "\nshould say: " << mistake.words;
}

TEST(QueryHeader, GivesAllOfItsParts) {
  const NamedQuery query = parse(kWhole);
  EXPECT_EQ(query.name, "port-holder");
  EXPECT_EQ(query.summary, "who held a port");
  EXPECT_EQ(query.why, "two lines that belong together");
  EXPECT_EQ(query.examples, (std::vector<std::string>{"galproc query port-holder --port 8080 --at 03:12",
                                                      "galproc query port-holder --port 22"}));
  EXPECT_EQ(query.requires_one_of, (std::vector<std::string>{"at", "by"}));
  EXPECT_EQ(query.tree_column, "name");
  EXPECT_EQ(query.source, "dir/port-holder.sql");
  ASSERT_EQ(query.columns.size(), 3u);
  EXPECT_EQ(query.columns[1].name, "load_1m");
  EXPECT_EQ(query.columns[1].kind, ColumnKind::Real);
  EXPECT_EQ(query.columns[1].help, "a number");
}

TEST(QueryHeader, GivesParametersWithTypeDefaultAndHelp) {
  const NamedQuery query = parse(kWhole);
  ASSERT_EQ(query.params.size(), 5u);
  EXPECT_EQ(query.params[0].name, "port");
  EXPECT_EQ(query.params[0].type, ParamType::Integer);
  EXPECT_TRUE(query.params[0].required);
  EXPECT_EQ(query.params[0].help, "TCP or UDP: the number");
  EXPECT_FALSE(query.params[0].default_text.has_value());
  EXPECT_EQ(query.params[1].default_text, "03:12");
  EXPECT_EQ(query.params[2].choices, (std::vector<std::string>{"cpu", "memory"}));
  EXPECT_EQ(query.params[2].default_text, "cpu");
  EXPECT_EQ(query.params[3].type, ParamType::Flag);
  EXPECT_EQ(query.params[4].help, "the help, on a line of its own");
  EXPECT_EQ(sql_name(query.params[4]), ":max_size");
  EXPECT_EQ(query.find_param("by"), &query.params[2]);
  EXPECT_EQ(query.find_param("max_size"), nullptr);
}

TEST(QueryHeader, LeavesTheStatementWithoutItsSemicolon) {
  EXPECT_EQ(parse(kWhole).sql,
            "SELECT 1 AS depth, ';--' AS name -- not a second statement; this\n"
            "FROM t /* nor; this */ WHERE x = :max_size");
}

TEST(QueryHeader, MayHaveWindowsLineEnds) {
  std::string text;
  for (const char c : kWhole) text += c == '\n' ? std::string("\r\n") : std::string(1, c);
  const NamedQuery query = parse(text);
  EXPECT_EQ(query.tree_column, "name");
  EXPECT_EQ(query.why, "two lines that belong together");
}

TEST(QueryHeader, WithAMistakeIsRefusedWithItsLine) {
  const std::vector<Mistake> mistakes = {
      {with("-- why: two", "-- reason: two"), 3, "unknown key 'reason'"},
      {with("-- why: two", "-- some prose\n-- why: two"), 3, "unknown key 'some prose'"},
      {with("-- why: two lines that", "-- why:"), 0, ""},  // the next line continues it: no mistake
      {with("-- summary: who held a port", "-- summary:"), 2, "'summary' is empty"},
      {with("-- summary: who held a port\n", ""), 1, "no summary"},
      {with("-- name: port-holder\n", ""), 1, "no name"},
      {with("-- name: port-holder", "-- name: ports"), 1, "'ports' is not that of the file, 'port-holder'"},
      {with("-- name: port-holder", "-- name: Port_holder"), 1, "not lower-case words with hyphens"},
      {with("-- name: port-holder", "-- name: port-holder\n-- name: port-holder"), 2, "'name' is given twice"},
      {with("-- why: two", "-- summary: again\n-- why: two"), 3, "'summary' is given twice"},
      {with("-- name: port-holder", "--      goes on\n-- name: port-holder"), 1,
       "a line that continues another stands first"},
      {with("port integer required: TCP or UDP: the number", "port integer required"), 8, "'port' has no help"},
      {with("port integer required: TCP or UDP: the number", "port integer required:"), 8, "'port' has no help"},
      {with("port integer", "port number"), 8, "'port' has the unknown type 'number'"},
      {with("port integer", "Port integer"), 8, "'Port' is not lower-case words"},
      {with("port integer required", "port integer maybe"), 8, "says 'maybe'"},
      {with("at instant", "port instant"), 9, "'port' is declared twice"},
      {with("default cpu", "default disk"), 10, "'disk' is no value for parameter 'by'"},
      {with("by text of", "by integer of"), 10, "'by' is no text"},
      {with("flag default 0", "flag default yes"), 11, "'yes' is no value for parameter 'all'"},
      {with("port integer required", "port integer default many"), 8, "'many' is no value for parameter 'port'"},
      {with("-- require: at | by", "-- require: at | pid"), 14, "'require' names 'pid'"},
      {with("-- require: at | by", "-- require: at\n-- require: by"), 15, "'require' is given twice"},
      {with("depth integer", "depth number"), 15, "unknown kind 'number'"},
      {with("depth integer", "Depth integer"), 15, "'Depth' is not lower-case words"},
      {with("load_1m real: a number", "load_1m real"), 16, "'load_1m' has no help"},
      {with("name text", "depth text"), 17, "'depth' is declared twice"},
      {with("-- tree: name", "-- tree: command"), 18, "'tree' names 'command'"},
      {with("-- tree: name", "-- tree: name\n-- tree: name"), 19, "'tree' is given twice"},
      {with("-- column: depth integer: how deep\n", ""), 17, "a tree needs a column 'depth'"},
      {with(":max_size;\n", ":max_size;\nDELETE FROM t;\n"), 21, "a second statement follows"},
  };
  for (const Mistake& mistake : mistakes) {
    if (mistake.line == 0) {
      EXPECT_EQ(fault_of(mistake.text), "no error");
    } else {
      expect_fault(mistake);
    }
  }
}

TEST(QueryHeader, WithoutStatementOrColumnsIsRefused) {
  expect_fault({kWhole.substr(0, kWhole.find("\nSELECT")), 19, "no statement"});
  expect_fault({"-- name: port-holder\n-- summary: s\n-- column: a integer: x\n;\n-- end\n", 4, "no statement"});
  expect_fault({"", 1, "no statement"});
  expect_fault({"-- name: port-holder\n-- summary: s\nSELECT 1", 1, "no column"});
}

class QueryFolder : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) { std::ofstream(folder_ / name) << text; }
  static std::string small(const std::string& name, const std::string& summary) {
    return "-- name: " + name + "\n-- summary: " + summary + "\n-- column: one integer: 1\nSELECT 1 AS one\n";
  }

  TemporaryFolder folder_;
  QueryCatalogue catalogue_ = QueryCatalogue::built_in();
};

TEST_F(QueryFolder, AddsQueriesAndReplacesThoseOfTheSameName) {
  const std::size_t before = catalogue_.all().size();
  ASSERT_NE(catalogue_.find("ports"), nullptr);
  write("ports.sql", small("ports", "my own"));
  write("aaa.sql", small("aaa", "new"));
  write("notes.txt", "no query");
  catalogue_.add_folder(folder_.path());
  EXPECT_EQ(catalogue_.all().size(), before + 1);
  EXPECT_EQ(catalogue_.find("ports")->summary, "my own");
  EXPECT_EQ(catalogue_.find("ports")->source, (folder_ / "ports.sql").string());
  EXPECT_EQ(catalogue_.all().front().name, "aaa");
}

TEST_F(QueryFolder, WithOneBadFileAddsNothing) {
  write("aaa.sql", small("aaa", "new"));
  write("bad.sql", "-- name: bad\nSELECT 1\n");
  try {
    catalogue_.add_folder(folder_.path());
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find((folder_ / "bad.sql").string() + ":1: "), std::string::npos)
        << error.what();
  }
  EXPECT_EQ(catalogue_.find("aaa"), nullptr);
}

TEST_F(QueryFolder, ThatIsNoneIsAUsageError) {
  EXPECT_THROW(catalogue_.add_folder(folder_ / "missing"), UsageError);
  write("file", "");
  EXPECT_THROW(catalogue_.add_folder(folder_ / "file"), UsageError);
}

TEST(QueryCatalogueBuiltIn, IsInOrderAndEveryQueryExplainsItself) {
  const QueryCatalogue catalogue = QueryCatalogue::built_in();
  std::string before;
  for (const NamedQuery& query : catalogue.all()) {
    EXPECT_LT(before, query.name);
    EXPECT_FALSE(query.why.empty()) << query.name;
    EXPECT_FALSE(query.examples.empty()) << query.name;
    for (const std::string& example : query.examples) {
      EXPECT_EQ(example.rfind("galproc query " + query.name, 0), 0u) << example;
    }
    EXPECT_EQ(query.source, "built in");
    before = query.name;
  }
  EXPECT_EQ(catalogue.find("no-such-query"), nullptr);
}

// The columns that users rely on stand first, in the order that they were promised in.
TEST(QueryCatalogueBuiltIn, BeginsWithThePromisedColumns) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> promised = {
      {"tree",
       {"depth", "upid", "pid", "parent_pid", "name", "user", "cpu_pct", "resident_bytes", "started_at",
        "command_line"}},
      {"processes",
       {"upid", "pid", "parent_pid", "name", "user", "state", "cpu_pct", "resident_bytes", "started_at",
        "command_line"}},
      {"process", {"at", "event", "detail", "upid"}},
      {"ancestry", {"depth", "upid", "pid", "name", "user", "started_at", "ended_at", "command_line"}},
      {"port-holder",
       {"port", "protocol", "address", "upid", "pid", "name", "user", "command_line", "bound_at", "released_at"}},
      {"port-history",
       {"port", "protocol", "address", "upid", "pid", "name", "user", "command_line", "bound_at", "released_at"}},
      {"ports",
       {"port", "protocol", "address", "upid", "pid", "name", "user", "command_line", "bound_at", "released_at"}},
      {"changes", {"at", "change", "upid", "pid", "name", "detail"}},
      {"exits", {"at", "upid", "pid", "name", "exit_code", "exit_signal", "lifetime_us"}},
      {"top", {"upid", "pid", "name", "cpu_us", "cpu_pct", "resident_bytes", "io_bytes"}},
      {"history", {"at", "upid", "cpu_pct", "resident_bytes", "thread_count", "io_bytes"}},
      {"system",
       {"at", "cpu_pct", "memory_used_pct", "swap_used_pct", "disk_used_pct", "received_bytes", "sent_bytes", "load_1m",
        "cpu_pressure_pct", "memory_pressure_pct", "io_pressure_pct", "process_count"}},
      {"gaps", {"from_at", "to_at", "kind", "detail"}},
      {"storage", {"table_name", "rows", "bytes", "oldest_at"}},
      {"attempts",
       {"attempt_id", "source", "at", "method", "signal", "sender_pid", "sender_name", "sender_user", "target_upid",
        "target_pid", "target_name", "outcome", "ended_at", "reason"}},
      {"unfinished", {"attempt_id", "action_id", "at", "method", "signal"}},
      {"new-ports",
       {"port", "protocol", "address", "upid", "pid", "name", "user", "command_line", "bound_at", "released_at"}},
      {"survivors", {"upid", "pid", "name", "command_line", "why"}},
      {"timeline", {"at", "kind", "upid", "pid", "name", "detail"}},
      {"around", {"aspect", "upid", "pid", "name", "before", "after"}},
      {"short-lived", {"upid", "pid", "name", "command_line", "started_at", "ended_at", "lifetime_us"}},
      {"restarts", {"name", "starts", "shortest_us", "median_us", "longest_us", "last_exit"}},
      {"growth", {"upid", "pid", "name", "first_resident_bytes", "last_resident_bytes", "growth_bytes"}},
      {"limits", {"limit", "from_at", "to_at", "peak"}},
      {"venv", {"upid", "pid", "name", "venv", "evidence"}},
      {"group", {"upid", "pid", "name", "cgroup", "started_at", "ended_at"}},
      {"time-to-port", {"service", "upid", "pid", "started_at", "port", "time_to_port_us"}},
  };
  const QueryCatalogue catalogue = QueryCatalogue::built_in();
  for (const auto& [name, columns] : promised) {
    const NamedQuery* query = catalogue.find(name);
    ASSERT_NE(query, nullptr) << name;
    ASSERT_GE(query->columns.size(), columns.size()) << name;
    for (std::size_t i = 0; i < columns.size(); ++i) EXPECT_EQ(query->columns[i].name, columns[i]) << name;
  }
}

}  // namespace
}  // namespace galproc
