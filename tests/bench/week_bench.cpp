// A week of a made-up machine, stored by the real recorder and asked by the real queries: what it takes on disk, and
// what an answer costs. No time is slept: the world has a clock of its own.

#include <cstdlib>
#include <cstring>
#include <map>
#include <random>

#include "bench/report.h"
#include "bench/week_actions.h"
#include "bench/week_world.h"
#include "recorder/recording.h"
#include "store/database.h"
#include "store/query_run.h"
#include "support/temporary_folder.h"

namespace galproc::bench {

namespace {

constexpr int kMoments = 15;  // each question is asked at so many
constexpr std::int64_t kHourUs = 3600LL * 1'000'000;
constexpr std::int64_t kDayUs = 24 * kHourUs;

double wall_s() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

Week record(const std::filesystem::path& path, double days, WeekWorld& world) {
  Week week;
  week.days = days;
  week.ticks = static_cast<std::int64_t>(days * static_cast<double>(kDayUs / WeekWorld::kIntervalUs));
  const double begun_s = wall_s();
  RecordingFacts facts;
  facts.host.host_name = facts.host.boot_uuid = "bench";
  facts.host.system = "Linux";
  facts.host.booted_us = world.reading().clocks.wall_us - world.reading().clocks.boot_us;
  facts.recorder = {1, 1};
  facts.interval_us = WeekWorld::kIntervalUs;
  facts.version = "bench";
  facts.process_source = "proc";
  facts.socket_source = "sock_diag";
  facts.event_source = "bpf";
  const Redactor redactor;
  Recording recording(path, facts, world.reading().clocks, &redactor, 250);
  week.first_us = world.reading().clocks.wall_us;
  for (std::int64_t i = 0; i < week.ticks; ++i) {
    if (i > 0) world.step();
    week.write_ms += cpu_ms_of([&] { recording.write(world.reading(), {}); });
  }
  week.last_us = world.reading().clocks.wall_us;
  recording.end(week.last_us, "stopped");
  recording.checkpoint();
  week.wall_s = wall_s() - begun_s;
  return week;
}

// ---- Disk

double number(SQLite::Database& database, const std::string& sql) {
  return database.execAndGet(sql).getDouble();
}

/// A row without a target.
void tell(const std::string& what, const std::string& figure, const std::string& beside = "") {
  print({what, figure, beside, {}, {}, ""});
}

/// File bytes of each table with its indexes.
std::map<std::string, double> table_bytes(SQLite::Database& database) {
  std::map<std::string, double> bytes;
  SQLite::Statement pages(database,
                          "SELECT coalesce(s.tbl_name, d.name), sum(d.pgsize) FROM dbstat AS d"
                          " LEFT JOIN sqlite_schema AS s ON s.name = d.name WHERE d.aggregate = 1 GROUP BY 1");
  while (pages.executeStep()) bytes[pages.getColumn(0).getString()] = pages.getColumn(1).getDouble();
  return bytes;
}

/// A table in the file: its rows, those of them that tell of short lives, and their bytes with all indexes.
struct Stored {
  double rows = 0, rows_of_lives = 0, bytes = 0;
  double bytes_of_lives() const { return rows > 0 ? bytes * rows_of_lives / rows : 0; }
};

std::map<std::string, Stored> stored_tables(SQLite::Database& database) {
  std::map<std::string, Stored> tables;
  for (const auto& [name, bytes] : table_bytes(database)) {
    Stored& table = tables[name];
    table.bytes = bytes;
    if (name.starts_with("sqlite_")) continue;
    table.rows = number(database, "SELECT count(*) FROM " + name);
    // Residents came first: what is past their upids belongs to short lives; so does nearly every shared text.
    if (name == "text") table.rows_of_lives = table.rows;
    if (!name.starts_with("process") || name == "process_state") continue;
    table.rows_of_lives =
        number(database, fmt::format("SELECT count(*) FROM {} WHERE upid > {}", name, WeekWorld::kResidents));
  }
  return tables;
}

void report_disk(SQLite::Database& database, const std::filesystem::path& path, const Week& week,
                 const WeekWorld& world) {
  const auto tables = stored_tables(database);
  const double file_bytes = static_cast<double>(std::filesystem::file_size(path));
  const double lives = tables.at("process").rows_of_lives;
  double lives_bytes = 0;
  for (const auto& [name, table] : tables) lives_bytes += table.bytes_of_lives();
  const double signal_bytes = tables.at("signal_event").bytes;
  const Stored& samples = tables.at("process_sample");
  const double per_sample = (samples.bytes - samples.bytes_of_lives()) / static_cast<double>(WeekWorld::kResidents) /
                            static_cast<double>(week.ticks);
  const double a_day = (file_bytes - lives_bytes - signal_bytes) / week.days / 1e6;
  const double a_life = lives_bytes / lives;

  print_absolute("disk: a process-sample of 500 processes, 5 s, 5 % active", fmt::format("{:.2f} B", per_sample),
                 per_sample, 3, "B");
  print_absolute("disk: a day of them, short lives and signals left out", fmt::format("{:.1f} MB", a_day), a_day, 25,
                 "MB");
  print_absolute("disk: a short life", fmt::format("{:.0f} B", a_life), a_life, 350, "B");
  tell("- its texts alone", fmt::format("{:.0f} B", static_cast<double>(world.text_bytes()) / lives));
  for (const auto& [name, table] : tables) {
    if (table.rows < 5'000) continue;
    tell(fmt::format("- a row of {} with its indexes", name), fmt::format("{:.1f} B", table.bytes / table.rows),
         fmt::format("{:.0f} rows, {:.0f} of short lives", table.rows, table.rows_of_lives));
  }
  tell(fmt::format("disk: the whole file, {:g} days, {:.0f} short lives", week.days, lives),
       fmt::format("{:.0f} MB", file_bytes / 1e6));
  tell("storing a tick of these 500 processes, mean of all",
       fmt::format("{:.3f} ms", week.write_ms / static_cast<double>(week.ticks)),
       fmt::format("{} ticks made in {:.0f} s", week.ticks, week.wall_s));
}

// ---- Questions

class Questions {
 public:
  Questions(SQLite::Database& database, const Week& week, const WeekWorld& world)
      : database_(database), week_(week), world_(world) {}

  void ask_all() {
    ask_of_state();
    at_moments("processes at T, with names, parents and rates", "processes", 10, [&] { return at({}); });
    at_moments("port at T: port-holder", "port-holder", 2, [&] {
      return at({{"port", world_.fixed_port(random_())}});
    });
    at_moments("ports at T", "ports", 2, [&] { return at({}); });
    at_moments("whole tree at T", "tree", 10, [&] { return at({}); });
    at_moments("top 10 of an hour", "top", 5, [&] { return top(kHourUs, "cpu", 10); });
    at_moments("top of an hour, all rows", "top", 30, [&] { return top(kHourUs, "cpu"); });
    at_moments("top 10 of an hour by memory", "top", 30, [&] { return top(kHourUs, "memory", 10); });
    at_moments("history: an hour of a busy process", "history", 30, [&] { return range(kHourUs, {{"upid", busy()}}); });
    at_moments("system: an hour", "system", 30, [&] { return range(kHourUs, {}); });
    at_moments("changes: an hour", "changes", 30, [&] { return range(kHourUs, {}); });
    at_moments("exits: an hour", "exits", 30, [&] { return range(kHourUs, {}); });
    at_moments("process: the life of a short one", "process", 10, [&] {
      return QueryBindings{{"upid", short_life()}};
    });
    at_moments("ancestry of a short life", "ancestry", 10, [&] { return QueryBindings{{"upid", short_life()}}; });
    at_moments("gaps: all", "gaps", {}, [&] { return QueryBindings{{"until", week_.last_us}}; });
    at_moments("storage", "storage", {}, [&] { return QueryBindings{}; });
    ask_of_moments();
    ask_of_hours();
    if (week_.last_us - week_.first_us <= kDayUs) {
      return tell("questions of a day", "not asked: the recording is shorter");
    }
    ask_of_days();
  }

 private:
  /// Each is to take less than 10 ms, and less than 30 ms of an hour, 200 ms of a day.
  void ask_of_moments() {
    at_moments("venv at T", "venv", 10, [&] {
      return at({{"path", "/srv/service-" + std::to_string(20 + any(60)) + "/venv"}});
    });
    at_moments("new-ports: T against a day before", "new-ports", 10, [&] {
      const std::int64_t to_us = week_.last_us - any((week_.last_us - week_.first_us) / 8);
      return QueryBindings{{"from", to_us - std::min(kDayUs, (week_.last_us - week_.first_us) / 2)}, {"to", to_us}};
    });
    at_moments("around T, 60 s", "around", 10, [&] { return at({{"window", std::int64_t{60'000'000}}}); });
    at_moments("around an action, 60 s", "around", 10, [&] {
      return QueryBindings{{"action", action()}, {"window", std::int64_t{60'000'000}}};
    });
    at_moments("survivors of an action", "survivors", 10, [&] { return QueryBindings{{"action", action()}}; });
    at_moments("timeline of a short life", "timeline", 10, [&] { return QueryBindings{{"upid", short_life()}}; });
    at_moments("who-killed a short life", "who-killed", 10, [&] { return QueryBindings{{"upid", short_life()}}; });
    at_moments("unfinished", "unfinished", 10, [&] { return QueryBindings{}; });
  }

  void ask_of_hours() { ask_of_range("an hour", kHourUs, 30); }

  void ask_of_range(const std::string& length, std::int64_t length_us, double target_ms) {
    const auto of = [&](const char* name, QueryBindings others = {}) {
      at_moments(fmt::format("{}: {}", name, length), name, target_ms, [&] { return range(length_us, others); });
    };
    of("timeline");
    of("short-lived", {{"under", std::int64_t{5'000'000}}});
    of("restarts");
    of("growth");
    of("limits");
    // What so many intervals cost.
    at_moments(fmt::format("limits: {}, often passed", length), "limits", target_ms, [&] {
      return range(length_us, {{"max-cpu", std::int64_t{10}}, {"max-processes", std::int64_t{500}}});
    });
    of("group", {{"cgroup", std::string("cron.service")}});
    of("time-to-port");
    of("attempts");
    at_moments(fmt::format("who-killed by name: {}", length), "who-killed", target_ms, [&] {
      return range(length_us, {{"name", std::string("git")}});
    });
  }

  void ask_of_days() {
    ask_of_range("a day", kDayUs, 200);
    at_moments("changes: a day", "changes", 200, [&] { return range(kDayUs, {}); });
    at_moments("top 10 of a day", "top", 80, [&] { return top(kDayUs, "cpu", 10); });
    at_moments("top of a day, all rows", "top", 200, [&] { return top(kDayUs, "cpu"); });
    at_moments("a busy process's day: history", "history", 50, [&] { return range(kDayUs, {{"upid", busy()}}); });
    at_moments("a quiet process's day: history", "history", 50, [&] { return range(kDayUs, {{"upid", quiet()}}); });
    at_moments("a process's day in lengths of 5 minutes", "history", 50, [&] {
      return range(kDayUs, {{"upid", busy()}, {"every", std::int64_t{300'000'000}}});
    });
    at_moments("system: a day", "system", 200, [&] { return range(kDayUs, {}); });
    at_moments("exits: a day", "exits", 200, [&] { return range(kDayUs, {}); });
    at_moments("port-history: a day", "port-history", 200, [&] {
      return range(kDayUs, {{"port", world_.fixed_port(random_())}});
    });
  }

  template <typename Bind>
  void at_moments(const std::string& what, const char* name, std::optional<double> target_ms, const Bind& bind) {
    const NamedQuery& query = *catalogue_.find(name);
    std::vector<double> figures, alone, rows;
    for (int i = 0; i < kMoments; ++i) {
      const QueryBindings bindings = bind();
      RowSet answer;
      figures.push_back(cpu_ms_of([&] { answer = run_query(database_, query, bindings); }));
      alone.push_back(cpu_ms_of([&] { run_alone(query, bindings); }));
      rows.push_back(static_cast<double>(answer.rows.size()));
    }
    const Spread spread = spread_of(figures);
    const std::string figure = fmt::format("{}, {:.2f} of it SQLite alone, {:.0f} rows", in_ms(spread),
                                           spread_of(alone).median, spread_of(rows).median);
    // The targets are for SQLite's own part.
    if (target_ms) return print_absolute(what, figure, spread_of(alone).median, *target_ms, "ms");
    tell(what, figure);
  }

  /// The last counters of each process that lived at a moment: what `processes` adds names, parents and rates to.
  void ask_of_state() {
    NamedQuery state = *catalogue_.find("processes");
    state.sql =
        "WITH moment AS (SELECT tick_id, keyframe_tick_id FROM tick WHERE at_us <= :at AND process_count IS NOT NULL"
        " ORDER BY at_us DESC, tick_id DESC LIMIT 1),"
        " last AS (SELECT s.upid, max(s.sample_id) AS sample_id FROM moment AS m CROSS JOIN process_sample AS s"
        " ON s.sample_id BETWEEN m.keyframe_tick_id << 32 AND (m.tick_id + 1 << 32) - 1 GROUP BY s.upid)"
        " SELECT s.* FROM moment AS m CROSS JOIN last AS l CROSS JOIN process_sample AS s"
        " ON s.sample_id = l.sample_id WHERE NOT EXISTS (SELECT 1 FROM process_exit AS x"
        " WHERE x.upid = l.upid AND x.tick_id <= m.tick_id)";
    std::vector<double> figures;
    for (int i = 0; i < kMoments; ++i) {
      const QueryBindings bindings = at({});
      figures.push_back(cpu_ms_of([&] { run_alone(state, bindings); }));
    }
    const Spread spread = spread_of(figures);
    print_absolute("state at T: counters of all that lived", in_ms(spread), spread.median, 2, "ms");
  }

  /// The statement without taking its rows.
  void run_alone(const NamedQuery& query, const QueryBindings& bindings) {
    SQLite::Statement statement(database_, query.sql);
    for (const auto& [name, value] : bindings) {
      const std::string parameter = sql_name(*query.find_param(name));
      if (const auto* number = std::get_if<std::int64_t>(&value)) statement.bind(parameter, *number);
      if (const auto* text = std::get_if<std::string>(&value)) statement.bind(parameter, *text);
    }
    while (statement.executeStep()) continue;
  }

  QueryBindings at(QueryBindings others) {
    others["at"] = week_.first_us + any(week_.last_us - week_.first_us);
    return others;
  }
  QueryBindings range(std::int64_t length_us, QueryBindings others) {
    const std::int64_t since_us = week_.first_us + any(week_.last_us - week_.first_us - length_us);
    others["since"] = since_us;
    others["until"] = since_us + length_us;
    return others;
  }
  /// With its order, which the command line binds by default: without one nothing can be left out.
  QueryBindings top(std::int64_t length_us, const std::string& by, std::optional<std::int64_t> limit = {}) {
    QueryBindings bindings = range(length_us, {{"by", by}});
    if (limit) bindings["limit"] = *limit;
    return bindings;
  }
  std::int64_t any(std::int64_t limit) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(std::max<std::int64_t>(1, limit)));
  }
  std::int64_t short_life() { return static_cast<std::int64_t>(WeekWorld::kResidents) + 1 + any(world_.lives()); }
  std::int64_t action() { return 1 + any(kActions); }
  std::int64_t busy() { return upid_of(world_.hot_resident(random_())); }
  std::int64_t quiet() { return upid_of(world_.quiet_resident(random_())); }
  std::int64_t upid_of(const ProcessKey& key) {
    return static_cast<std::int64_t>(
        number(database_,
               fmt::format("SELECT upid FROM process WHERE pid = {} AND start_token = {}", key.pid, key.start_token)));
  }

  SQLite::Database& database_;
  const Week& week_;
  const WeekWorld& world_;
  QueryCatalogue catalogue_ = QueryCatalogue::built_in();
  std::mt19937_64 random_{7};
};

void run(double days, const std::string& kept) {
  const TemporaryFolder folder;
  const std::filesystem::path path = kept.empty() ? folder / "week.db" : std::filesystem::path(kept);
  WeekWorld world;
  const Week week = record(path, days, world);
  act(path, week, world);
  SQLite::Database database = open_for_reading(path);
  report_disk(database, path, week, world);
  Questions(database, week, world).ask_all();
}

}  // namespace

}  // namespace galproc::bench

int main(int argc, char** argv) {
  double days = 7;
  std::string kept;
  bool usable = argc % 2 == 1;
  for (int i = 1; usable && i < argc; i += 2) {
    if (std::strcmp(argv[i], "--days") == 0) {
      days = std::strtod(argv[i + 1], nullptr);
    } else if (std::strcmp(argv[i], "--keep") == 0) {
      kept = argv[i + 1];
    } else {
      usable = false;
    }
  }
  if (!usable || days < 0.05 || days > 60) {
    std::fputs("usage: week_bench [--days 0.05 to 60] [--keep NEW_FILE]\n", stderr);
    return 2;
  }
  try {
    galproc::bench::run(days, kept);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "week_bench: %s\n", error.what());
    return 1;
  }
}
