// Growth, lives and restarts of made-up histories, held against answers found another way: by walking through all of
// what was stored.

#include <gtest/gtest.h>

#include "store/query_catalogue.h"
#include "store/query_run.h"
#include "support/query_database.h"
#include "support/random_history.h"

namespace galproc {
namespace {

constexpr std::int64_t kMinute = 60'000'000;

class RandomLives : public testing::TestWithParam<std::tuple<unsigned, bool>> {
 protected:
  RandomLives()
      : database_(make_query_database()), history_(database_, std::get<0>(GetParam()), std::get<1>(GetParam())) {}

  std::string seed() const { return fmt::format("seed {} {}", std::get<0>(GetParam()), std::get<1>(GetParam())); }
  RowSet ask(const std::string& name, const QueryBindings& bindings) {
    return run_query(database_, *catalogue_.find(name), bindings);
  }
  static std::int64_t number(const RowSet& rows, std::size_t row, const std::string& column) {
    for (std::size_t i = 0; i < rows.columns.size(); ++i) {
      if (rows.columns[i].name == column) return std::get<std::int64_t>(rows.rows[row][i]);
    }
    throw std::runtime_error("no column " + column);
  }
  std::pair<std::int64_t, std::int64_t> some_range() {
    std::int64_t begin = history_.ticks().front().at_us, end = begin;
    for (const MadeUpTick& tick : history_.ticks()) {
      begin = std::min(begin, tick.at_us);
      end = std::max(end, tick.at_us);
    }
    const std::int64_t since = history_.between(begin - kMinute, end);
    return {since, history_.between(since, end + kMinute)};
  }
  /// The best witness of an end comes first.
  std::optional<MadeUpEnd> end_of(std::int64_t upid) const {
    const auto ends = history_.ends().find(upid);
    return ends == history_.ends().end() ? std::nullopt : std::optional(ends->second.front());
  }
  std::optional<std::int64_t> ended_us(std::int64_t upid) const {
    const auto end = end_of(upid);
    return end ? std::optional(end->ended_us) : std::nullopt;
  }

  SQLite::Database database_;
  RandomHistory history_;
  QueryCatalogue catalogue_ = QueryCatalogue::built_in();
};

/// Memory at the first and the last look of a range.
struct Held {
  std::int64_t first = 0, last = 0;
  friend bool operator==(const Held&, const Held&) = default;
};

TEST_P(RandomLives, GrowthIsFromTheFirstLookToTheLast) {
  int compared = 0;
  for (int round = 0; round < 12; ++round) {
    const auto [since_us, until_us] = some_range();
    // From the first look in the range to the last one, and the one before them.
    std::optional<std::size_t> low, high;
    for (std::size_t i = 0; i < history_.ticks().size(); ++i) {
      const std::int64_t at_us = history_.ticks()[i].at_us;
      if (at_us <= since_us || at_us > until_us) continue;
      if (!low) low = i;
      high = i;
    }
    if (!low) continue;
    std::size_t begin = *low;
    while (begin > 0 && (begin == *low || !history_.ticks()[begin].readable)) --begin;
    std::map<std::int64_t, Held> expected;
    for (std::size_t i = begin; i <= *high; ++i) {
      for (const auto& [upid, row] : history_.ticks()[i].living) {
        expected.emplace(upid, Held{row.resident_bytes, 0}).first->second.last = row.resident_bytes;
      }
    }
    std::erase_if(expected, [&](const auto& item) {
      const auto end_us = ended_us(item.first);
      return item.second.last <= item.second.first ||
             (end_us && *end_us - history_.processes().at(item.first).started_us >= 0 &&
              *end_us - history_.processes().at(item.first).started_us < kMinute);
    });
    const RowSet rows = ask("growth", {{"since", since_us}, {"until", until_us}});
    std::map<std::int64_t, Held> found;
    for (std::size_t i = 0; i < rows.rows.size(); ++i) {
      found[number(rows, i, "upid")] = {number(rows, i, "first_resident_bytes"),
                                        number(rows, i, "last_resident_bytes")};
      EXPECT_EQ(number(rows, i, "growth_bytes"),
                found[number(rows, i, "upid")].last - found[number(rows, i, "upid")].first);
    }
    EXPECT_EQ(found.size(), expected.size()) << seed() << " from " << since_us << " to " << until_us;
    for (const auto& [upid, held] : expected) {
      EXPECT_EQ(found[upid], held) << seed() << " upid " << upid << " from " << since_us << " to " << until_us << ": "
                                   << found[upid].first << " " << found[upid].last;
      ++compared;
    }
  }
  EXPECT_GT(compared, 30);
}

// All of these are called "name", so all that began in the range are one row.
TEST_P(RandomLives, RestartsCountStartsAndTheirLives) {
  for (int round = 0; round < 12; ++round) {
    const auto [since_us, until_us] = some_range();
    std::int64_t starts = 0;
    bool ends_are_known = true;
    std::vector<std::int64_t> lives;
    for (const auto& [upid, process] : history_.processes()) {
      if (process.started_us < since_us || process.started_us > until_us) continue;
      ++starts;
      const auto end = end_of(upid);
      if (!end || end->ended_us > until_us) continue;
      lives.push_back(end->ended_boot_us - process.started_boot_us);
      // Up to the boot at the longest, of which the boot clock of before knows nothing.
      ends_are_known = ends_are_known && end->source != Witness::Reboot;
    }
    std::sort(lives.begin(), lives.end());
    const RowSet rows = ask("restarts", {{"since", since_us}, {"until", until_us}});
    ASSERT_EQ(rows.rows.size(), starts > 0 ? 1u : 0u);
    if (starts == 0) continue;
    EXPECT_EQ(number(rows, 0, "starts"), starts);
    EXPECT_EQ(number(rows, 0, "running"), starts - static_cast<std::int64_t>(lives.size()));
    if (lives.empty() || !ends_are_known) continue;
    EXPECT_EQ(number(rows, 0, "shortest_us"), lives.front());
    EXPECT_EQ(number(rows, 0, "longest_us"), lives.back());
    EXPECT_EQ(number(rows, 0, "median_us"), (lives[(lives.size() - 1) / 2] + lives[lives.size() / 2]) / 2);
  }
}

TEST_P(RandomLives, ShortOnesAreThoseThatEndedSoon) {
  std::set<std::int64_t> seen;
  SQLite::Statement rows_of_seen(database_, "SELECT upid FROM process_exit WHERE source <= 3");
  while (rows_of_seen.executeStep()) seen.insert(rows_of_seen.getColumn(0).getInt64());
  std::size_t listed = 0;
  for (int round = 0; round < 12; ++round) {
    const auto [since_us, until_us] = some_range();
    const std::int64_t under_us = history_.between(1, 40) * 1'000'000;
    std::set<std::int64_t> expected, found;
    for (const auto& [upid, process] : history_.processes()) {
      const auto end = end_of(upid);
      // What ended unseen may have lived long.
      if (end && seen.contains(upid) && process.started_us <= until_us && end->ended_us >= since_us &&
          end->ended_boot_us - process.started_boot_us < under_us) {
        expected.insert(upid);
      }
    }
    const RowSet rows = ask("short-lived", {{"since", since_us}, {"until", until_us}, {"under", under_us}});
    for (std::size_t i = 0; i < rows.rows.size(); ++i) found.insert(number(rows, i, "upid"));
    EXPECT_EQ(found, expected) << seed();
    listed += found.size();
  }
  EXPECT_GT(listed, 0u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomLives, testing::Combine(testing::Range(1u, 7u), testing::Bool()));

}  // namespace
}  // namespace galproc
