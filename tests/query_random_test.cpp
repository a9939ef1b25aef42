// Questions about made-up histories, held against answers found another way: by walking through all of what was stored.

#include <gtest/gtest.h>

#include "store/query_catalogue.h"
#include "store/query_run.h"
#include "support/query_database.h"
#include "support/random_history.h"

namespace galproc {
namespace {

constexpr std::int64_t kGrace = 2'000'000;  ///< a start is cut to 10 ms and a reading takes its time

struct Used {
  std::optional<std::int64_t> cpu_us, io_bytes, peak_bytes;
  friend bool operator==(const Used&, const Used&) = default;
};

/// The look that tells of a moment: the last one at or before it by the wall clock; of two at one time the later.
const MadeUpTick* tick_at(const RandomHistory& history, std::int64_t at_us) {
  const MadeUpTick* found = nullptr;
  for (const MadeUpTick& tick : history.ticks()) {
    if (tick.at_us <= at_us && (found == nullptr || tick.at_us >= found->at_us)) found = &tick;
  }
  return found;
}

/// Adds up what each process used between two instants, row by row.
class WalkedTop {
 public:
  WalkedTop(const RandomHistory& history, std::int64_t since_us, std::int64_t until_us) : history_(history) {
    // From the first look in the range to the last one, by number: the clock may have been set in between.
    std::optional<std::int64_t> low_id, high_id;
    for (const MadeUpTick& tick : history.ticks()) {
      if (tick.at_us <= since_us || tick.at_us > until_us) continue;
      if (!low_id) low_id = tick.tick_id;
      high_id = tick.tick_id;
    }
    if (!high_id) {
      const MadeUpTick* then = tick_at(history, until_us);
      if (then == nullptr) return;
      high_id = then->tick_id;
      low_id = *high_id + 1;
    }
    for (const MadeUpTick& tick : history.ticks()) {
      if (!tick.readable) continue;  // the state of then is that of the tick before
      if (tick.tick_id < *low_id) first_ = &tick;
      if (tick.tick_id <= *high_id) last_ = &tick;
    }
    since_us_ = since_us;
    if (last_ == nullptr) return;
    for (const auto& [upid, process] : history.processes()) walk(process);
  }

  const std::map<std::int64_t, Used>& used() const { return used_; }

 private:
  bool before_range(const MadeUpEnd& end) const {
    if (first_ == nullptr) return !end.tick_id && end.ended_us <= since_us_;
    return end.tick_id ? *end.tick_id <= first_->tick_id : end.ended_us <= first_->at_us;
  }
  bool after_range(const MadeUpEnd& end) const {
    return end.tick_id ? *end.tick_id > last_->tick_id : end.ended_us > last_->at_us;
  }

  bool began(const MadeUpProcess& process) const {
    const MadeUpTick& base = first_ != nullptr ? *first_ : history_.ticks().front();
    const bool after = process.boot_id > base.boot_id ||
                       (process.boot_id == base.boot_id && process.started_boot_us > base.boot_us - kGrace);
    return after || (first_ == nullptr && process.started_us > since_us_ - kGrace);
  }

  void walk(const MadeUpProcess& process) {
    bool ended = false, ended_before = false;
    MadeUpEnd final;
    if (const auto ends = history_.ends().find(process.upid); ends != history_.ends().end()) {
      for (const MadeUpEnd& end : ends->second) {
        ended_before = ended_before || before_range(end);
        if (before_range(end) || after_range(end)) continue;
        ended = true;
        final.cpu_us = std::max(final.cpu_us, end.cpu_us);
        final.io_bytes = std::max(final.io_bytes, end.io_bytes);
        final.peak_bytes = std::max(final.peak_bytes, end.peak_bytes);
      }
    }
    if (ended_before) return;
    const bool was_there = first_ != nullptr && first_->living.count(process.upid) > 0;
    const bool began_in_range = !was_there && began(process);
    std::optional<MadeUpRow> known;
    if (was_there) known = first_->living.at(process.upid);
    if (began_in_range) known = MadeUpRow{};
    Used used;
    bool seen = false;
    std::int64_t cpu_us = 0, io_bytes = 0, peak_bytes = was_there ? known->resident_bytes : 0;
    const auto rows = history_.rows().find(process.upid);
    if (rows != history_.rows().end()) {
      for (const MadeUpRow& row : rows->second) {
        if (row.tick_id > last_->tick_id) break;
        if (first_ != nullptr && row.tick_id <= first_->tick_id) continue;
        seen = true;
        if (!known) known = row;  // its first row, at a recording's first tick
        cpu_us += row.cpu_us - known->cpu_us;
        io_bytes += row.io_bytes - known->io_bytes;
        peak_bytes = std::max(peak_bytes, row.resident_bytes);
        known = row;
      }
    }
    if (ended && known) {
      cpu_us += std::max<std::int64_t>(0, final.cpu_us - known->cpu_us);
      io_bytes += std::max<std::int64_t>(0, final.io_bytes - known->io_bytes);
      if (began_in_range) peak_bytes = std::max(peak_bytes, final.peak_bytes);
    }
    if (seen || ended || was_there) used_[process.upid] = {cpu_us, io_bytes, peak_bytes};
  }

  const RandomHistory& history_;
  const MadeUpTick* first_ = nullptr;
  const MadeUpTick* last_ = nullptr;
  std::int64_t since_us_ = 0;
  std::map<std::int64_t, Used> used_;
};

std::optional<std::int64_t> number(const Value& value) {
  const auto* integer = std::get_if<std::int64_t>(&value);
  return integer == nullptr ? std::nullopt : std::optional(*integer);
}

std::size_t place_of(const RowSet& rows, const std::string& name) {
  for (std::size_t i = 0; i < rows.columns.size(); ++i) {
    if (rows.columns[i].name == name) return i;
  }
  throw std::runtime_error("no column " + name);
}

class RandomQueries : public testing::TestWithParam<unsigned> {
 protected:
  RowSet ask(const std::string& name, const QueryBindings& bindings) {
    return run_query(database_, *catalogue_.find(name), bindings);
  }

  /// The lowest and the highest time of a look.
  std::pair<std::int64_t, std::int64_t> times() const {
    const auto [low, high] =
        std::minmax_element(history_.ticks().begin(), history_.ticks().end(),
                            [](const MadeUpTick& one, const MadeUpTick& other) { return one.at_us < other.at_us; });
    return {low->at_us, high->at_us};
  }
  const MadeUpTick& tick(std::int64_t tick_id) const { return history_.ticks()[static_cast<std::size_t>(tick_id) - 1]; }
  /// What a process used since the look before, in percent; nothing where nobody looked before in its recording.
  std::optional<double> cpu_pct(std::int64_t upid, const MadeUpTick& then) const {
    const MadeUpTick* now = &then;
    while (!now->readable) now = &tick(now->tick_id - 1);
    if (now->first_of_recording) return std::nullopt;
    const MadeUpTick* before = &tick(now->tick_id - 1);
    while (!before->readable) before = &tick(before->tick_id - 1);
    const auto known = before->living.find(upid);
    const std::int64_t cpu_us =
        now->living.at(upid).cpu_us - (known == before->living.end() ? 0 : known->second.cpu_us);
    return 100.0 * static_cast<double>(cpu_us) / static_cast<double>(now->boot_us - before->boot_us);
  }

  SQLite::Database database_ = make_query_database();
  /// Whether a row of history tells of the time between the last tick and the end.
  static bool is_end(const RowSet& rows, const std::vector<Value>& row) {
    return !number(row[place_of(rows, "thread_count")]);
  }
  /// Nothing that a process used is missing, where all of its life was recorded.
  void check_sum(const RowSet& rows, std::int64_t upid) const {
    std::int64_t sum_us = 0;
    for (const auto& row : rows.rows) {
      const auto cpu_us = number(row[place_of(rows, "cpu_us")]);
      if (!cpu_us) return;
      sum_us += *cpu_us;
    }
    if (rows.rows.empty() || !is_end(rows, rows.rows.back())) return;
    const auto& ends = history_.ends().at(upid);
    const auto best = std::min_element(ends.begin(), ends.end(), [](const MadeUpEnd& one, const MadeUpEnd& other) {
      return one.source < other.source;
    });
    EXPECT_EQ(sum_us, best->cpu_us) << "seed " << GetParam() << " upid " << upid;
  }

  RandomHistory history_{database_, GetParam(), GetParam() > 8};
  QueryCatalogue catalogue_ = QueryCatalogue::built_in();
};

TEST_P(RandomQueries, TopIsTheSumOfItsParts) {
  const auto [begin_us, end_us] = times();
  for (int round = 0; round < 60; ++round) {
    const std::int64_t since_us = history_.between(begin_us - 100'000'000, end_us);
    const std::int64_t until_us = history_.between(since_us, end_us + 10'000'000);
    const RowSet rows = ask("top", {{"since", since_us}, {"until", until_us}, {"by", std::string("memory")}});
    std::map<std::int64_t, Used> used;
    for (const auto& row : rows.rows) {
      used[*number(row[0])] = {number(row[place_of(rows, "cpu_us")]), number(row[place_of(rows, "io_bytes")]),
                               number(row[place_of(rows, "resident_bytes")])};
    }
    EXPECT_EQ(used.size(), rows.rows.size()) << "a process stands there twice";
    const WalkedTop walked(history_, since_us, until_us);
    ASSERT_EQ(used.size(), walked.used().size()) << "seed " << GetParam() << " from " << since_us << " to " << until_us;
    for (const auto& [upid, expected] : walked.used()) {
      const auto found = used.find(upid);
      ASSERT_NE(found, used.end()) << "seed " << GetParam() << " upid " << upid;
      EXPECT_EQ(found->second.cpu_us, expected.cpu_us)
          << "seed " << GetParam() << " upid " << upid << " from " << since_us;
      EXPECT_EQ(found->second.io_bytes, expected.io_bytes) << "seed " << GetParam() << " upid " << upid;
      // A life between two ticks has no row: only its exit knows of its memory.
      EXPECT_EQ(found->second.peak_bytes, expected.peak_bytes) << "seed " << GetParam() << " upid " << upid;
    }
  }
}

TEST_P(RandomQueries, TopIsInOrderAndItsLimitTakesTheFirst) {
  const std::map<std::string, std::string> orders = {
      {"cpu", "cpu_us"}, {"io", "io_bytes"}, {"memory", "resident_bytes"}};
  for (int round = 0; round < 20; ++round) {
    const auto [begin_us, end_us] = times();
    const std::int64_t since_us = history_.between(begin_us, end_us);
    const std::int64_t until_us = since_us + history_.between(1, 600) * 1'000'000;
    for (const auto& [by, column] : orders) {
      QueryBindings bindings{{"since", since_us}, {"until", until_us}, {"by", by}};
      const RowSet all = ask("top", bindings);
      const std::size_t place = place_of(all, column);
      for (std::size_t i = 1; i < all.rows.size(); ++i) {
        EXPECT_GE(number(all.rows[i - 1][place]).value_or(-1), number(all.rows[i][place]).value_or(-1)) << by;
      }
      const std::int64_t limit = history_.between(1, 8);
      bindings["limit"] = limit;
      const RowSet few = ask("top", bindings);
      ASSERT_EQ(few.rows.size(), std::min(static_cast<std::size_t>(limit), all.rows.size()));
      for (std::size_t i = 0; i < few.rows.size(); ++i) {
        EXPECT_EQ(few.rows[i], all.rows[i]) << by << " seed " << GetParam() << " round " << round << " row " << i;
      }
    }
  }
}

TEST_P(RandomQueries, ProcessesAndTreeAtAnyMomentAreThoseThatLived) {
  for (int round = 0; round < 40; ++round) {
    const auto place = history_.between(1, static_cast<std::int64_t>(history_.ticks().size()));
    const std::int64_t at_us = this->tick(place).at_us + history_.between(0, 4'999'999);
    const MadeUpTick& tick = *tick_at(history_, at_us);
    for (const char* name : {"processes", "tree"}) {
      const RowSet rows = ask(name, {{"at", at_us}});
      ASSERT_EQ(rows.rows.size(), tick.living.size()) << name << " seed " << GetParam() << " tick " << tick.tick_id;
      for (const auto& row : rows.rows) {
        const auto truth = tick.living.find(*number(row[place_of(rows, "upid")]));
        ASSERT_NE(truth, tick.living.end()) << name;
        EXPECT_EQ(number(row[place_of(rows, "cpu_us")]), truth->second.cpu_us);
        EXPECT_EQ(number(row[place_of(rows, "resident_bytes")]), truth->second.resident_bytes);
        const auto expected_pct = cpu_pct(truth->first, tick);
        const auto* pct = std::get_if<double>(&row[place_of(rows, "cpu_pct")]);
        ASSERT_EQ(pct != nullptr, expected_pct.has_value())
            << name << " seed " << GetParam() << " tick " << tick.tick_id << " upid " << truth->first;
        EXPECT_DOUBLE_EQ(pct == nullptr ? 0 : *pct, expected_pct.value_or(0)) << name << " upid " << truth->first;
      }
    }
  }
}

TEST_P(RandomQueries, HistoryOfARangeIsWhatItsTicksShow) {
  const auto [begin_us, end_us] = times();
  for (int round = 0; round < 30; ++round) {
    const std::int64_t upid = history_.between(1, static_cast<std::int64_t>(history_.processes().size()));
    const std::int64_t since_us = history_.between(begin_us - 10'000'000, end_us);
    const std::int64_t until_us = since_us + history_.between(1, 5'000) * 1'000'000;
    const RowSet rows = ask("history", {{"upid", upid}, {"since", since_us}, {"until", until_us}});
    std::vector<std::int64_t> shown, expected;
    for (const auto& row : rows.rows) {
      if (!is_end(rows, row)) shown.push_back(*number(row[place_of(rows, "at_us")]));
    }
    for (const MadeUpTick& look : history_.ticks()) {
      if (look.at_us >= since_us && look.at_us <= until_us && look.living.contains(upid))
        expected.push_back(look.at_us);
    }
    EXPECT_EQ(shown, expected) << "seed " << GetParam() << " upid " << upid << " from " << since_us;
  }
}

TEST_P(RandomQueries, ExitsTellHowLongEachLivedByTheBootClock) {
  const RowSet rows = ask("exits", {});
  EXPECT_EQ(rows.rows.size(), history_.ends().size());
  for (const auto& row : rows.rows) {
    const std::int64_t upid = *number(row[place_of(rows, "upid")]);
    const auto& ends = history_.ends().at(upid);
    const auto best = std::min_element(ends.begin(), ends.end(), [](const MadeUpEnd& one, const MadeUpEnd& other) {
      return one.source < other.source;
    });
    const std::int64_t lived_us = *number(row[place_of(rows, "lifetime_us")]);
    const std::int64_t truth_us = best->ended_boot_us - history_.processes().at(upid).started_boot_us;
    if (best->source == Witness::Reboot) {
      EXPECT_GE(lived_us, truth_us) << "seed " << GetParam() << " upid " << upid;
    } else {
      EXPECT_EQ(lived_us, truth_us) << "seed " << GetParam() << " upid " << upid;
    }
  }
}

TEST_P(RandomQueries, HistoryIsWhatEachTickShows) {
  for (int round = 0; round < 8; ++round) {
    const std::int64_t upid = history_.between(1, static_cast<std::int64_t>(history_.processes().size()));
    RowSet rows = ask("history", {{"upid", upid}});
    check_sum(rows, upid);
    if (!rows.rows.empty() && is_end(rows, rows.rows.back())) rows.rows.pop_back();
    std::size_t i = 0;
    for (const MadeUpTick& tick : history_.ticks()) {
      const auto truth = tick.living.find(upid);
      if (truth == tick.living.end()) continue;
      ASSERT_LT(i, rows.rows.size()) << "seed " << GetParam() << " upid " << upid;
      EXPECT_EQ(number(rows.rows[i][place_of(rows, "at_us")]), tick.at_us);
      EXPECT_EQ(number(rows.rows[i][place_of(rows, "resident_bytes")]), truth->second.resident_bytes);
      if (tick.readable && tick_at(history_, tick.at_us) == &tick) {
        const RowSet then = ask("processes", {{"at", tick.at_us}});
        for (const auto& row : then.rows) {
          if (number(row[0]) != upid) continue;
          EXPECT_EQ(rows.rows[i][place_of(rows, "cpu_pct")], row[place_of(then, "cpu_pct")])
              << "seed " << GetParam() << " upid " << upid << " tick " << tick.tick_id;
        }
      } else if (!tick.readable) {
        EXPECT_EQ(rows.rows[i][place_of(rows, "cpu_pct")], Value{});
      }
      ++i;
    }
    EXPECT_EQ(i, rows.rows.size()) << "seed " << GetParam() << " upid " << upid;
  }
}

TEST_P(RandomQueries, HistoryInBucketsAddsUpToHistoryByTicks) {
  for (int round = 0; round < 8; ++round) {
    const std::int64_t upid = history_.between(1, static_cast<std::int64_t>(history_.processes().size()));
    std::int64_t sums[2] = {0, 0};
    std::int64_t peaks[2] = {0, 0};
    for (const int form : {0, 1}) {
      QueryBindings bindings{{"upid", upid}};
      if (form == 1) bindings["every"] = history_.between(1, 100) * 1'000'000;
      const RowSet rows = ask("history", bindings);
      for (const auto& row : rows.rows) {
        sums[form] += number(row[place_of(rows, "cpu_us")]).value_or(0);
        peaks[form] = std::max(peaks[form], number(row[place_of(rows, "resident_bytes")]).value_or(0));
      }
    }
    EXPECT_EQ(sums[0], sums[1]) << "seed " << GetParam() << " upid " << upid;
    EXPECT_EQ(peaks[0], peaks[1]) << "seed " << GetParam() << " upid " << upid;
  }
}

// From 9 on the wall clock is set now and then.
// What answers is SQLite, which has no sanitizers in it: one is enough for what reads the answers.
#ifdef GALPROC_SANITIZED
constexpr unsigned kSeeds = 1;
#else
constexpr unsigned kSeeds = 12;
#endif
INSTANTIATE_TEST_SUITE_P(Seeds, RandomQueries, testing::Range(1u, kSeeds + 1));

}  // namespace
}  // namespace galproc
