// Hours of recording in seconds: the real recorder, store and kills on a machine that lives by itself and whose clock
// is made up. After each hour the file is checked whole, and what it answers is held against what was true.
//
//   GALPROC_SOAK_HOURS=N  so many hours instead of one (scripts/soak.sh)
//   GALPROC_SOAK_SEED=N   another course
//   GALPROC_SOAK_SET_BACK=1  clocks are set back too, not only ahead

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>

#include "action/kill.h"
#include "recorder/recorder.h"
#include "store/file_check.h"
#include "store/query_catalogue.h"
#include "store/query_run.h"
#include "store/retention.h"
#include "support/query_database.h"
#include "support/rows_text.h"
#include "support/soak_world.h"

namespace galproc {
namespace {

constexpr std::int64_t kSecond = FakePlatform::kSecond, kMinute = 60 * kSecond, kHour = 60 * kMinute;
constexpr std::int64_t kBetweenChecks = 20 * kMinute;
constexpr std::int64_t kMiB = 1024 * 1024;

std::int64_t asked_for(const char* variable, std::int64_t otherwise) {
  const char* text = std::getenv(variable);
  return text != nullptr ? std::strtoll(text, nullptr, 10) : otherwise;
}

#if defined(GALPROC_SANITIZED) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

/// A line of /proc/self/status.
std::int64_t status_kib(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name + ":")) return std::stoll(line.substr(name.size() + 1));
  }
  return 0;
}

std::string text_of(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

/// The recorder is gone in the midst of it.
struct Crash {};

class Soak {
 public:
  explicit Soak(std::uint64_t seed) : world_(seed) {
    world_.on_wake = [this](int) { return wake(); };
    world_.sets_back = asked_for("GALPROC_SOAK_SET_BACK", 0) != 0;
  }

  void run(std::int64_t hours) {
    end_us_ = hours * kHour;
    while (lived_us_ < end_us_ && !testing::Test::HasFailure()) {
      record();
      between_recordings();
    }
  }

  std::string summary() const {
    return fmt::format(
        "{} h: {} ticks of {} recordings ({} crashed), {} processes, {} events ({} lost), {} kills, {} readings "
        "dropped, "
        "{} prunes, {} checks, {} answers, at most {:.1f} MiB in use and {:.1f} MiB on disk, memory {:.0f} MiB",
        lived_us_ / kHour, world_.look_count, recordings_, crashes_, world_.born_count, world_.event_count,
        world_.lost_count, kills_, dropped_, prunes_, checks_, answers_, static_cast<double>(most_used_) / kMiB,
        static_cast<double>(most_on_disk_) / kMiB, static_cast<double>(status_kib("VmHWM")) / 1024);
  }

  std::int64_t answers() const { return answers_; }

 private:
  std::filesystem::path path() const { return folder_ / "galproc.db"; }

  void record() {
    RecordOptions options;
    options.database = path();
    options.interval_us = world_.between(2, 10) * kSecond;
    options.version = "test";
    options.quiet = true;
    options.queue_bytes = 256 * 1024;
    options.least_free_bytes = 64 * kMiB;
    options.limits.retain_us = world_.between(10, 60) * kMinute;
    options.limits.most_bytes = world_.between(600, 2000) * 1024;
    const bool listens = world_.chance(0.6);
    options.event_source = listens ? "auto" : "none";
    world_.no_events = listens ? "" : "none here";
    most_bytes_ = options.limits.most_bytes;
    run_ends_us_ = lived_us_ + world_.between(2, 60) * kMinute;
    crashes_now_ = world_.chance(0.3);
    looks_before_ = world_.look_count;
    last_boot_us_ = world_.now.boot_us;
    ++recordings_;
    std::ostringstream talk;
    try {
      Recorder(world_, options, talk).run();
    } catch (const Crash&) {
      ++crashes_;
      if (lacks_room_) crashed_looks_ = world_.look_count - stored_ticks() - told_drops();
      crashed_losses_ = world_.lost_count - told_losses();
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what() << "\n" << talk.str();
    }
    locker_.reset();
    give_room();
  }

  void between_recordings() {
    world_.forget_what_was_told();
    world_.no_events = "none here";
    if (world_.chance(0.2)) {
      world_.boot();
    } else {
      const std::int64_t pause_us = world_.between(1, 300) * kSecond;
      world_.pass_time(pause_us);
      lived_us_ += pause_us;
      world_.live();
      kill_some();                     // nobody records, and it is logged all the same
      world_.unreadable_pids.clear();  // whom a recorder meets first it has to read
    }
  }

  bool wake() {
    if (world_.acting()) return true;
    lived_us_ += std::max<std::int64_t>(0, world_.now.boot_us - last_boot_us_);
    const bool has_looked = world_.look_count > looks_at_wake_;
    looks_at_wake_ = world_.look_count;
    if (has_looked && lived_us_ >= next_check_us_ && is_settled()) {
      next_check_us_ = lived_us_ + kBetweenChecks;
      check();
    }
    locker_.reset();
    world_.live();
    if (world_.look_count == looks_before_)
      world_.unreadable_pids.clear();  // of whom its first look cannot read it knows nothing
    change_disk();
    // Not before what waited for room is stored: it is older than what the kill knows.
    if (lived_us_ >= next_kill_us_ && !lacks_room_ && lived_us_ > room_again_us_ + kMinute) {
      next_kill_us_ = lived_us_ + 5 * kMinute;
      kill_some();
    }
    if (world_.chance(0.00007)) {
      locker_ = std::make_unique<SQLite::Database>(path().string(), SQLite::OPEN_READWRITE);
      locker_->exec("BEGIN IMMEDIATE");
    }
    last_boot_us_ = world_.now.boot_us;
    if (lived_us_ < run_ends_us_) return true;
    if (crashes_now_) throw Crash{};
    return false;
  }

  /// A disk of 1 GiB, of which others take more and less, and sometimes nearly all.
  void change_disk() {
    if (lived_us_ >= next_full_us_) {
      lacks_room_ = true;
      room_again_us_ = lived_us_ + world_.between(5, 240) * kSecond;
      next_full_us_ = room_again_us_ + world_.between(10, 60) * kMinute;
    }
    if (!lacks_room_ || lived_us_ >= room_again_us_) return give_room();
    world_.room = DiskRoom{1024 * kMiB, world_.between(0, 63) * kMiB};
  }
  void give_room() {
    lacks_room_ = false;
    world_.room = DiskRoom{1024 * kMiB, 512 * kMiB};
  }

  /// The real kill: planned, logged, done, and its ends seen.
  void kill_some() {
    if (!std::filesystem::exists(path())) return;
    const auto pid = world_.somebody();
    if (!pid) return;
    KillRequest request;
    request.tree = world_.chance(0.5);
    request.selectors.pids = {*pid};
    ++kills_;
    world_.let([&] {
      if (world_.chance(0.3)) world_.deaf.insert(*pid);
      KillLog log(world_, path(), redactor_);
      World seen{world_.read_processes(), {}};
      Guard guard(request.policy, {world_.caller(), {}, {}});
      guard.look_at(seen.processes);
      Plan plan = make_plan(seen, request, guard, {});
      const KillReport report =
          Kill(world_, log, request, guard, std::move(plan), std::move(seen.processes), world_.caller()).run();
      EXPECT_EQ(report.exit_code, 0) << report.problem.value_or("");
      EXPECT_FALSE(world_.processes.contains(*pid));
      for (const auto& [reached, signal] : world_.sent) {
        EXPECT_EQ(number(fmt::format("SELECT count(*) > 0 FROM attempt WHERE action_id = {} AND target_pid = {}",
                                     report.action_id, reached)),
                  1)
            << "a signal is not logged";
      }
    });
  }

  /// The newest look was stored, and saw everything.
  bool is_settled() const {
    return world_.look_count > looks_before_ && !lacks_room_ && !locker_ && world_.looks.back().readable &&
           world_.unreadable_pids.empty();
  }

  std::string rows(const std::string& sql) const {
    SQLite::Database database = open_for_reading(path());
    return rows_of(database, sql);
  }
  std::int64_t number(const std::string& sql) const { return std::stoll(rows(sql)); }
  /// Those that were deleted since too.
  std::int64_t stored_ticks() const {
    return number(
        "SELECT max((SELECT coalesce(max(tick_id), 0) FROM tick),"
        " (SELECT coalesce(max(before_tick_id), 1) - 1 FROM prune))");
  }
  std::int64_t told_drops() const {
    return number(
        "SELECT coalesce(sum(CAST(detail AS INTEGER)), 0) FROM gap WHERE kind IN ('readings_dropped',"
        " 'disk_full')");
  }
  std::int64_t told_losses() const { return number("SELECT coalesce(sum(lost_count), 0) FROM event_loss"); }

  void check() {
    ++checks_;
    dropped_ = told_drops();
    prunes_ = number("SELECT count(*) FROM prune");
    EXPECT_EQ(stored_ticks() + dropped_ + crashed_looks_, world_.look_count) << "a look is gone, and nothing says so";
    EXPECT_GE(told_losses() + crashed_losses_, world_.lost_count) << "an event is lost, and nothing says so";
    SQLite::Database database = open_for_reading(path());
    for (const FileCheck& check : check_file(database, CheckDepth::Full)) {
      EXPECT_EQ(check.problem_count, 0) << check.name << ": " << check.detail;
    }
    check_open_ends();
    check_size(database);
    check_memory();
    look_up_ticks(database);
    constexpr int kQuestions = 100;  // a fifth is of a look whose truth is known
    for (int i = 0; i < kQuestions; ++i) ask_about_some_moment(database);
    if (testing::Test::HasFailure()) keep_file();
  }

  /// Whoever has no end lives, and whatever was not released is held.
  void check_open_ends() const {
    EXPECT_EQ(rows("SELECT CAST(pid AS TEXT) FROM process AS p WHERE NOT EXISTS (SELECT 1 FROM process_exit AS x"
                   " WHERE x.upid = p.upid) AND upid IN (SELECT upid FROM process_sample) ORDER BY 1"),
              text_of(world_.latest.pids));
    // Whose end was lost before a look saw it is missed by two looks.
    EXPECT_EQ(rows("SELECT pid, started_us FROM process AS p WHERE NOT EXISTS (SELECT 1 FROM process_exit AS x"
                   " WHERE x.upid = p.upid) AND upid NOT IN (SELECT upid FROM process_sample) AND started_us <"
                   " (SELECT at_us FROM tick WHERE process_count IS NOT NULL ORDER BY tick_id DESC LIMIT 1 OFFSET 3)"),
              "");
    EXPECT_EQ(number("SELECT count(*) FROM port_binding AS b WHERE NOT EXISTS (SELECT 1 FROM port_release AS r"
                     " WHERE r.binding_id = b.binding_id)"),
              static_cast<std::int64_t>(world_.latest.ports.size()));
  }

  void check_size(SQLite::Database& database) {
    const std::int64_t used = Retention(database).used_bytes();
    most_used_ = std::max(most_used_, used);
    most_on_disk_ = std::max(most_on_disk_, static_cast<std::int64_t>(std::filesystem::file_size(path())));
    // It is looked at with each keyframe, and a few of them pass until all that was too much is gone.
    constexpr std::int64_t kWindows = 512 * 1024, kSomeKeyframes = 300;
    if (world_.look_count - looks_before_ < kSomeKeyframes) return;
    constexpr std::int64_t kEachKill = 4096;  // the log of actions is kept
    EXPECT_LE(used, most_bytes_ + kWindows + kills_ * kEachKill);
  }

  void check_memory() {
    constexpr std::int64_t kWarm = 3, kMoreKib = 32 * 1024;
    const std::int64_t resident = status_kib("VmRSS");
    if (checks_ == kWarm) warm_kib_ = resident;
    if (checks_ <= kWarm || kSanitized) return;
    EXPECT_LE(resident, warm_kib_ + kMoreKib) << "memory grows";
  }

  /// Which looks are stored yet, and still.
  void look_up_ticks(SQLite::Database& database) {
    stored_.clear();
    SQLite::Statement ticks(database,
                            "SELECT b.boot_uuid, t.boot_us FROM tick AS t JOIN recording USING (recording_id)"
                            " JOIN boot AS b USING (boot_id) ORDER BY t.tick_id");
    std::optional<std::pair<std::string, std::int64_t>> oldest;
    while (ticks.executeStep()) {
      const auto& tick = *stored_.emplace(ticks.getColumn(0).getString(), ticks.getColumn(1).getInt64()).first;
      if (!oldest) oldest = tick;
    }
    while (oldest && std::pair(world_.looks.front().boot, world_.looks.front().boot_us) != *oldest)
      world_.looks.pop_front();
  }

  void ask_about_some_moment(SQLite::Database& database) {
    const auto picked = world_.between(0, static_cast<std::int64_t>(world_.looks.size()) - 1);
    if (!world_.looks[static_cast<std::size_t>(picked)].truth) return;
    const std::int64_t at_us = world_.looks[static_cast<std::size_t>(picked)].at_us + world_.between(0, 2 * kSecond);
    const SoakWorld::Look *look = nullptr, *newest = nullptr;
    for (const SoakWorld::Look& one : world_.looks) {
      if (one.at_us > at_us || !stored_.contains({one.boot, one.boot_us})) continue;
      if (!newest || one.at_us >= newest->at_us) newest = &one;
      if (one.readable && (!look || one.at_us >= look->at_us)) look = &one;
    }
    if (!look || !look->sure || !look->truth) return;
    ++answers_;
    EXPECT_EQ(text_of(lines_of(database, "processes", {{"at", at_us}}, {"pid", "parent_pid", "name"})),
              text_of(look->truth->processes));
    EXPECT_EQ(text_of(lines_of(database, "tree", {{"at", at_us}}, {"depth", "pid", "parent_pid", "name"})),
              text_of(look->truth->tree));
    if (look != newest) return;  // ports are as they were at the newest look, be it of processes or not
    std::vector<std::string> held;
    for (std::int64_t port = SoakWorld::kFirstPort; port < SoakWorld::kFirstPort + SoakWorld::kPorts; ++port) {
      for (std::string& line : lines_of(database, "port-holder", {{"port", port}, {"at", at_us}}, {"port", "pid"}))
        held.push_back(std::move(line));
    }
    std::sort(held.begin(), held.end());
    EXPECT_EQ(text_of(held), text_of(look->truth->ports));
  }

  std::vector<std::string> lines_of(SQLite::Database& database, const std::string& query, const QueryBindings& bindings,
                                    const std::vector<std::string>& columns) const {
    const RowSet rows = run_query(database, *catalogue_.find(query), bindings);
    std::vector<std::string> lines;
    for (const auto& row : rows.rows) {
      std::string line;
      for (const std::string& name : columns) {
        const auto column =
            std::find_if(rows.columns.begin(), rows.columns.end(), [&](const auto& one) { return one.name == name; });
        const Value& value = row.at(static_cast<std::size_t>(column - rows.columns.begin()));
        line += (line.empty() ? "" : " ") + cell_text(value);
      }
      lines.push_back(std::move(line));
    }
    std::sort(lines.begin(), lines.end());
    return lines;
  }

  /// Where somebody wants to look into it.
  void keep_file() const {
    if (const char* folder = std::getenv("GALPROC_SOAK_KEEP")) {
      std::filesystem::copy(
          folder_.path(), folder,
          std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
    }
  }

  TemporaryFolder folder_;
  Redactor redactor_;
  QueryCatalogue catalogue_ = QueryCatalogue::built_in();
  SoakWorld world_;
  std::unique_ptr<SQLite::Database> locker_;
  std::set<std::pair<std::string, std::int64_t>> stored_;

  // Time that has passed on the machine while it was on, and what is due in it.
  std::int64_t lived_us_ = 0, last_boot_us_ = 0, end_us_ = 0, run_ends_us_ = 0;
  std::int64_t next_check_us_ = kBetweenChecks, next_kill_us_ = 0, next_full_us_ = 10 * kMinute, room_again_us_ = 0;
  bool crashes_now_ = false, lacks_room_ = false;
  std::int64_t most_bytes_ = 0, looks_before_ = 0, looks_at_wake_ = 0;
  std::int64_t crashed_looks_ = 0, crashed_losses_ = 0;  ///< what had not been stored yet when a recorder crashed

  std::int64_t recordings_ = 0, crashes_ = 0, kills_ = 0, dropped_ = 0, prunes_ = 0;
  std::int64_t checks_ = 0, answers_ = 0, most_used_ = 0, most_on_disk_ = 0, warm_kib_ = 0;
};

TEST(Soaked, HoursOfAMachineThatLivesByItselfAreRecordedAsTheyWere) {
  const std::int64_t hours = asked_for("GALPROC_SOAK_HOURS", 1);
  const std::int64_t seed = asked_for("GALPROC_SOAK_SEED", 1);
  SCOPED_TRACE(fmt::format("GALPROC_SOAK_HOURS={} GALPROC_SOAK_SEED={}", hours, seed));
  Soak soak(static_cast<std::uint64_t>(seed));
  soak.run(hours);
  std::cout << soak.summary() << std::endl;
  EXPECT_GT(soak.answers(), 0) << "nothing was held against the truth";
}

}  // namespace
}  // namespace galproc
