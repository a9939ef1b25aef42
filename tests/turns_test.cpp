// Whose turn it is, pass by pass, on a clock that the test sets.

#include "platform/linux/turns.h"

#include <gtest/gtest.h>

#include <vector>

namespace galproc {
namespace {

constexpr std::int64_t kSecondUs = 1'000'000;

/// How many of 24 processes have their turn in each of `passes` passes, the first left out, so many seconds apart; and
/// how often each of them had it.
std::vector<int> turns_in_passes(std::int64_t steps, std::int64_t apart_us, int passes, std::vector<int>& of_process) {
  Turns turns;
  std::vector<int> in_pass;
  of_process.assign(24, 0);
  for (int pass = 0; pass <= passes; ++pass) {
    turns.begin_pass(500 * kSecondUs + pass * apart_us);
    if (pass == 0) continue;
    in_pass.push_back(0);
    for (std::int64_t pid = 1; pid <= 24; ++pid) {
      if (!turns.has(pid, steps)) continue;
      ++in_pass.back();
      ++of_process[static_cast<std::size_t>(pid - 1)];
    }
  }
  return in_pass;
}

TEST(Turns, OfAllAreSpreadEvenlyOverThePassesOfAQuickRecorder) {
  for (const std::int64_t apart_us : {std::int64_t{0}, kSecondUs, 5 * kSecondUs, Turns::kStepUs}) {
    SCOPED_TRACE(apart_us);
    std::vector<int> of_process;
    EXPECT_EQ(turns_in_passes(12, apart_us, 12, of_process), std::vector<int>(12, 2));
    EXPECT_EQ(of_process, std::vector<int>(24, 1));
  }
}

TEST(Turns, OfAllComeWithinTheSameTimeWherePassesAreFartherApart) {
  std::vector<int> of_process;
  EXPECT_EQ(turns_in_passes(12, 3 * Turns::kStepUs, 4, of_process), std::vector<int>(4, 6));
  EXPECT_EQ(of_process, std::vector<int>(24, 1));
  EXPECT_EQ(turns_in_passes(12, Turns::kStepUs + 1, 6, of_process), std::vector<int>(6, 4));
  EXPECT_EQ(of_process, std::vector<int>(24, 1));
}

TEST(Turns, OfAllComeInEachPassWherePassesAreAsFarApartAsThat) {
  for (const std::int64_t apart_us : {12 * Turns::kStepUs, 3600 * kSecondUs}) {
    std::vector<int> of_process;
    EXPECT_EQ(turns_in_passes(12, apart_us, 3, of_process), std::vector<int>(3, 24));
  }
}

TEST(Turns, GoOnWhereTheClockStandsStillOrStepsBack) {
  Turns turns;
  turns.begin_pass(7200 * kSecondUs);
  int count = 0;
  for (int pass = 0; pass < 12; ++pass) {
    turns.begin_pass((7200 - pass) * kSecondUs);
    count += turns.has(5, 12) ? 1 : 0;
  }
  EXPECT_EQ(count, 1);
}

}  // namespace
}  // namespace galproc
