// Running questions: a header is held against its statement, bindings against the header, and a user's own statement
// can do nothing but read.

#include "store/query_run.h"

#include <gtest/gtest.h>

#include "model/errors.h"
#include "support/query_database.h"

namespace galproc {
namespace {

NamedQuery query_of(const std::string& sql, const std::string& params = "", const std::string& columns = "a b") {
  std::string text = "-- name: mine\n-- summary: a test\n";
  std::istringstream names(columns);
  for (std::string name; names >> name;) text += "-- column: " + name + " integer: a column\n";
  return parse_query(text + params + sql, "mine", "mine.sql");
}

template <typename Work>
std::string message_of(ExitCode code, const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  return "no error";
}

void expect_says(const std::string& message, const std::string& words) {
  EXPECT_NE(message.find(words), std::string::npos) << message << "\nshould say: " << words;
}

class QueryRun : public testing::Test {
 protected:
  QueryRun() {
    database_.exec("CREATE TABLE t (a INTEGER, b TEXT); INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, NULL)");
  }

  std::string fault_of(const NamedQuery& query) {
    return message_of(ExitCode::Failed, [&] { check_query(database_, query); });
  }
  std::string refusal_of(const std::string& sql) {
    const std::string message = message_of(ExitCode::Refused, [&] { run_sql(database_, sql); });
    EXPECT_EQ(rows_text(run_sql(database_, "SELECT count(*), total(a) FROM t")), "3 | 6\n") << sql;
    return message;
  }
  std::string misuse_of(const std::string& sql) {
    return message_of(ExitCode::Usage, [&] { run_sql(database_, sql); });
  }

  SQLite::Database database_ = make_query_database();
};

TEST_F(QueryRun, EveryBuiltInQueryIsWhatItsHeaderSays) {
  const QueryCatalogue catalogue = QueryCatalogue::built_in();
  ASSERT_GE(catalogue.all().size(), 14u);
  for (const NamedQuery& query : catalogue.all()) EXPECT_NO_THROW(check_query(database_, query)) << query.name;
}

TEST_F(QueryRun, AHeaderThatIsNotItsStatementIsAnError) {
  EXPECT_NO_THROW(check_query(database_, query_of("SELECT a, b FROM t")));
  expect_says(fault_of(query_of("SELECT b, a FROM t")), "column 1 of its statement is 'b' and declared as 'a'");
  expect_says(fault_of(query_of("SELECT a FROM t")), "it declares column 2, 'b', which its statement does not have");
  expect_says(fault_of(query_of("SELECT a, b, a AS c FROM t")), "column 3 of its statement, 'c', is not declared");
  expect_says(fault_of(query_of("SELECT a, b FROM t WHERE a = :x")), "its statement uses :x, which is not declared");
  expect_says(fault_of(query_of("SELECT a, b FROM t WHERE a = ?")), "its statement uses ?, which is not declared");
  expect_says(fault_of(query_of("SELECT a, b FROM t", "-- param: max-x integer: a number\n")),
              "its statement does not use the parameter 'max-x'");
  expect_says(fault_of(query_of("SELECT a, b FROM missing")), "no such table: missing");
  expect_says(fault_of(query_of("SELEKT a")), "syntax error");
  expect_says(fault_of(query_of("DELETE FROM t RETURNING a, b")), "its statement is not run, since it would write");
}

TEST_F(QueryRun, ASecondStatementIsFoundThoughSqliteWouldDropIt) {
  NamedQuery query = query_of("SELECT a, b FROM t");
  query.sql += "; DELETE FROM t";
  expect_says(fault_of(query), "more than one statement");
  query.sql = "SELECT a, b FROM t; nonsense";
  expect_says(fault_of(query), "more than one statement");
  query.sql = "SELECT a, b FROM t; -- only a comment\n ;";
  EXPECT_EQ(fault_of(query), "no error");
}

TEST_F(QueryRun, BindsWhatIsGivenAndNullForTheRest) {
  const NamedQuery query = query_of("SELECT a, b FROM t WHERE a >= :min_a AND (:only IS NULL OR b = :only) ORDER BY a",
                                    "-- param: min-a integer: smallest\n-- param: only text: b\n");
  EXPECT_EQ(rows_text(run_query(database_, query, {{"min-a", std::int64_t{2}}})), "2 | y\n3 | NULL\n");
  EXPECT_EQ(rows_text(run_query(database_, query, {{"min-a", std::int64_t{1}}, {"only", std::string("x")}})),
            "1 | x\n");
  EXPECT_EQ(rows_text(run_query(database_, query, {})), "");
  EXPECT_EQ(rows_text(run_query(database_, query, {{"min-a", std::int64_t{0}}, {"only", std::string("' OR 1 --")}})),
            "");
}

TEST_F(QueryRun, RefusesBindingsThatTheHeaderDoesNotAllow) {
  const NamedQuery query = query_of("SELECT a, b FROM t WHERE a = :pid OR b = :by OR a = :upid",
                                    "-- param: pid integer: p\n-- param: upid integer: u\n"
                                    "-- param: by text of x|y: order\n-- require: pid | upid\n");
  const auto fault = [&](const QueryBindings& bindings) {
    return message_of(ExitCode::Usage, [&] { run_query(database_, query, bindings); });
  };
  expect_says(fault({}), "needs --pid or --upid");
  expect_says(fault({{"pid", Value{}}}), "needs --pid or --upid");
  expect_says(fault({{"pid", std::int64_t{1}}, {"port", std::int64_t{1}}}), "has no parameter --port");
  expect_says(fault({{"pid", std::int64_t{1}}, {"by", std::string("z")}}), "'z' is no value for --by");
  EXPECT_EQ(fault({{"upid", std::int64_t{1}}, {"by", std::string("y")}}), "no error");
  const NamedQuery strict =
      query_of("SELECT a, b FROM t WHERE a = :port", "-- param: port integer required: the port\n");
  expect_says(message_of(ExitCode::Usage, [&] { run_query(database_, strict, {}); }), "needs --port (the port)");
}

TEST_F(QueryRun, StopsAtTheLimitAndSaysWhetherThereWasMore) {
  const NamedQuery plain = query_of("SELECT a, b FROM t ORDER BY a");
  const NamedQuery knowing =
      query_of("SELECT a, b FROM t ORDER BY a LIMIT coalesce(:limit, -1)", "-- param: limit integer: only so many\n");
  for (const NamedQuery& query : {plain, knowing}) {
    bool more = false;
    EXPECT_EQ(rows_text(run_query(database_, query, {}, 2, &more)), "1 | x\n2 | y\n");
    EXPECT_TRUE(more);
    EXPECT_EQ(run_query(database_, query, {}, 3, &more).rows.size(), 3u);
    EXPECT_FALSE(more);
    EXPECT_EQ(run_query(database_, query, {}, std::nullopt, &more).rows.size(), 3u);
    EXPECT_FALSE(more);
  }
  bool more = false;
  EXPECT_EQ(run_sql(database_, "SELECT a FROM t", 1, &more).rows.size(), 1u);
  EXPECT_TRUE(more);
}

TEST_F(QueryRun, GivesUnitsAndTheTreeFromTheHeader) {
  const NamedQuery query = parse_query(
      "-- name: mine\n-- summary: s\n-- column: depth integer: d\n-- column: x bytes: b\n-- column: y percent: p\n"
      "-- column: z duration_us: d\n-- column: at instant: i\n-- column: at_us instant_us: i\n-- tree: x\n"
      "SELECT 0 AS depth, 1 AS x, 2.0 AS y, 3 AS z, '2026' AS at, 5 AS at_us",
      "mine", "mine.sql");
  const RowSet rows = run_query(database_, query, {});
  const std::vector<Unit> expected = {Unit::None,       Unit::Bytes,       Unit::Percent,
                                      Unit::DurationUs, Unit::InstantText, Unit::InstantUs};
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(rows.columns[i].unit, expected[i]) << rows.columns[i].name;
  EXPECT_EQ(rows.tree_column, 1u);
}

TEST_F(QueryRun, TakesUnitsOfAUsersColumnsFromTheirNames) {
  const RowSet rows =
      run_sql(database_, "SELECT 1 AS x_bytes, 2 AS cpu_pct, 'x' AS at, 'y' AS ended_at, 5 AS at_us, 6 AS flat");
  const std::vector<Unit> expected = {Unit::Bytes,       Unit::Percent, Unit::InstantText,
                                      Unit::InstantText, Unit::None,    Unit::None};
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(rows.columns[i].unit, expected[i]) << rows.columns[i].name;
}

TEST_F(QueryRun, GivesEveryTypeOfValueAsItIs) {
  const RowSet rows = run_sql(database_, "SELECT 9223372036854775807, 0.5, 'a' || char(0) || 'ä', NULL, x'00ff', ''");
  const std::vector<Value> expected = {INT64_MAX,           0.5,          std::string("a\0ä", 4), Value{},
                                       std::string("00ff"), std::string()};
  EXPECT_EQ(rows.rows.at(0), expected);
}

TEST_F(QueryRun, RefusesAStatementThatWouldDoMoreThanRead) {
  for (const char* sql : {"DELETE FROM t", "INSERT INTO t VALUES (4, 'z') RETURNING a", "UPDATE t SET a = 0",
                          "DROP TABLE t", "CREATE TABLE u (a)", "CREATE TEMP TABLE u AS SELECT 1", "REINDEX", "VACUUM",
                          "ANALYZE", "EXPLAIN DELETE FROM t", "WITH x AS (SELECT 1) DELETE FROM t"}) {
    expect_says(refusal_of(sql), "--run only reads");
  }
  database_.exec("CREATE VIEW seen AS SELECT a FROM t");
  for (const char* sql : {"DELETE FROM seen", "UPDATE seen SET a = 0", "INSERT INTO seen VALUES (1)"}) {
    expect_says(refusal_of(sql), "--run only reads");
  }
  expect_says(refusal_of("ATTACH ':memory:' AS other"), "open or close another file");
  expect_says(refusal_of("BEGIN IMMEDIATE"), "transactions");
  expect_says(refusal_of("SAVEPOINT s"), "transactions");
  expect_says(refusal_of("PRAGMA user_version = 7"), "PRAGMA user_version may change");
  expect_says(refusal_of("PRAGMA journal_mode(DELETE)"), "PRAGMA journal_mode may change");
  expect_says(refusal_of("PRAGMA wal_checkpoint"), "PRAGMA wal_checkpoint may change");
  expect_says(refusal_of("PRAGMA optimize"), "PRAGMA optimize may change");
  expect_says(refusal_of("PRAGMA writable_schema = ON"), "PRAGMA writable_schema may change");
  expect_says(refusal_of("SELECT load_extension('x')"), "extension");
}

TEST_F(QueryRun, LetsAUserReadEverything) {
  EXPECT_EQ(rows_text(run_sql(database_, "VALUES (1), (2);")), "1\n2\n");
  EXPECT_EQ(rows_text(run_sql(database_, "PRAGMA user_version")), "0\n");
  EXPECT_FALSE(run_sql(database_, "PRAGMA table_info(tick)").rows.empty());
  EXPECT_EQ(rows_text(run_sql(database_, "SELECT name FROM pragma_table_info('t') ORDER BY cid")), "a\nb\n");
  EXPECT_EQ(rows_text(run_sql(database_, "SELECT value FROM json_each('[1,2]')")), "1\n2\n");
  EXPECT_EQ(rows_text(run_sql(database_,
                              "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3)"
                              " SELECT max(i) FROM n")),
            "3\n");
  EXPECT_FALSE(run_sql(database_, "EXPLAIN QUERY PLAN SELECT * FROM processes").rows.empty());
  EXPECT_TRUE(run_sql(database_, "SELECT * FROM gaps").rows.empty());
}

TEST_F(QueryRun, LeavesTheConnectionAsItWas) {
  refusal_of("DELETE FROM t");
  run_sql(database_, "SELECT 1");
  EXPECT_EQ(database_.exec("DELETE FROM t WHERE a = 3"), 1);
  EXPECT_EQ(sqlite3_next_stmt(database_.getHandle(), nullptr), nullptr) << "a statement is still open";
}

TEST_F(QueryRun, CallsWhatSqliteDoesNotUnderstandAUsageError) {
  expect_says(misuse_of("SELEKT 1"), "syntax error");
  expect_says(misuse_of("SELECT * FROM missing"), "no such table: missing");
  expect_says(misuse_of("SELECT abs(-9223372036854775807 - 1)"), "integer overflow");
  expect_says(misuse_of("SELECT 1; SELECT 2"), "one statement");
  expect_says(misuse_of(""), "no statement");
  expect_says(misuse_of(" -- nothing\n;"), "no statement");
  expect_says(misuse_of("SELECT :x"), "no parameters");
}

TEST_F(QueryRun, ExplainsAsATree) {
  const NamedQuery* query = nullptr;
  const QueryCatalogue catalogue = QueryCatalogue::built_in();
  query = catalogue.find("port-holder");
  const RowSet plan = explain_query(database_, *query);
  ASSERT_FALSE(plan.rows.empty());
  EXPECT_EQ(plan.columns[0].name, "depth");
  EXPECT_EQ(plan.columns[1].name, "step");
  EXPECT_EQ(plan.tree_column, 1u);
  EXPECT_NE(rows_text(plan).find("1 | "), std::string::npos) << rows_text(plan);
  EXPECT_NE(rows_text(plan).find("SEARCH b USING INDEX port_binding_by_port"), std::string::npos) << rows_text(plan);
  EXPECT_NE(rows_text(explain_sql(database_, "SELECT * FROM t")).find("0 | SCAN t"), std::string::npos);
  EXPECT_THROW(explain_sql(database_, "DELETE FROM t"), Error);
}

}  // namespace
}  // namespace galproc
