// The clocks of a time namespace run ahead; a process seen from inside and from outside is the same one all the same.

#include <sched.h>

#include "support/program.h"
#include "support/puppet.h"

namespace galproc {
namespace {

class ProgramNamespace : public ProgramTest {
 protected:
  /// One tick by a recorder whose clock of the boot is ahead by 100000 seconds.
  Ran snapshot_inside() const {
    return run({"/usr/bin/unshare", "--time", "--boottime", "100000", "--monotonic", "50000", "--fork",
                galproc_binary(), "record", "--db", db().string(), "--samples", "1"});
  }
};

TEST_F(ProgramNamespace, OfTimeChangesNoIdentityAndNoTime) {
  if (!is_root()) GTEST_SKIP() << "unshare --time needs root";
  const Ran possible = run({"/usr/bin/unshare", "--time", "--boottime", "100000", "--fork", "/bin/true"});
  if (possible.exit_code != 0) GTEST_SKIP() << "no time namespace here: " << possible.err;
  Puppet puppet;
  snapshot();
  const Ran inside = snapshot_inside();
  ASSERT_EQ(inside.exit_code, 0) << inside.err;
  snapshot();
  EXPECT_EQ(ask("SELECT count(*) FROM recordings"), "3\n");
  EXPECT_EQ(ask("SELECT count(DISTINCT boot_id) FROM recordings"), "1\n");
  EXPECT_EQ(ask(fmt::format("SELECT count(*), count(ended_us) FROM processes WHERE pid IN (1, {}, {})", ::getpid(),
                            puppet.pid())),
            "3|0\n");
  EXPECT_EQ(ask("SELECT count(*) FROM (SELECT 1 FROM processes GROUP BY pid HAVING count(*) > 1)"), "0\n");
  // All three stand on one time line, without a step.
  EXPECT_EQ(
      ask("SELECT tick_id FROM (SELECT tick_id, boot_us - lag(boot_us) OVER (ORDER BY tick_id) AS passed_us FROM ticks)"
          " WHERE passed_us NOT BETWEEN 0 AND 60000000"),
      "");
  EXPECT_EQ(ask("SELECT count(*) FROM gaps WHERE kind NOT IN ('stopped', 'late')"), "0\n");
}

TEST_F(ProgramNamespace, OfTimeGivesNewProcessesTheirTrueStart) {
  if (!is_root()) GTEST_SKIP() << "unshare --time needs root";
  const std::int64_t before_us = now_us();
  Puppet puppet;
  const std::int64_t after_us = now_us();
  const Ran inside = snapshot_inside();
  if (inside.exit_code == 1 && inside.err.find("unshare") != std::string::npos) GTEST_SKIP() << inside.err;
  ASSERT_EQ(inside.exit_code, 0) << inside.err;
  snapshot();
  EXPECT_EQ(ask(fmt::format("SELECT count(*), min(started_us) BETWEEN {} AND {} FROM processes WHERE pid = {}",
                            before_us - 50'000, after_us + 50'000, puppet.pid())),
            "1|1\n");
}

}  // namespace
}  // namespace galproc
