// Lives that begin and end between two looks.

#include <spawn.h>

#include <array>

#include "support/signal_fixture.h"

namespace galproc {
namespace {

class ProgramBrief : public SignalTest {
 protected:
  ProgramBrief() : SignalTest("5s") {}

  /// Runs a program to its end; gives its pid, or -1 when it did not return 0.
  static pid_t run_one(const std::string& program, std::vector<std::string> words) {
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    std::array<char*, 1> environment{};
    pid_t pid = -1;
    if (::posix_spawn(&pid, program.c_str(), nullptr, nullptr, arguments.data(), environment.data()) != 0) return -1;
    int status = -1;
    return ::waitpid(pid, &status, 0) == pid && status == 0 ? pid : -1;
  }
};

TEST_F(ProgramBrief, AThousandBriefLivesAreAThousandRowsWithArgumentsAndExitCodes) {
  constexpr int kCount = 1000;
  const auto deadline = std::chrono::steady_clock::now() + kBound;
  const std::string program = fs::canonical("/bin/true").string();
  for (int i = 0; i < kCount; ++i) {
    ASSERT_GT(run_one(program, {"true", fmt::format("--mark-{}", i), "--password=hunter2"}), 0) << i;
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << i;
  }
  stop();
  const std::string mine = fmt::format("FROM processes AS p WHERE parent_pid = {} AND name = 'true'", ::getpid());
  EXPECT_EQ(ask("SELECT count(*), count(DISTINCT upid), count(DISTINCT command_line), min(exit_code), max(exit_code),"
                " group_concat(DISTINCT exit_source), group_concat(DISTINCT executable) " +
                mine),
            fmt::format("{0}|{0}|{0}|0|0|event|{1}\n", kCount, program));
  EXPECT_EQ(ask("SELECT command_line " + mine + " AND command_line NOT GLOB 'true --mark-[0-9]* *--password=*'"), "");
  EXPECT_EQ(ask("SELECT count(*) FROM process_images WHERE command_line LIKE '%hunter2%'"), "0\n");
  EXPECT_EQ(ask("SELECT DISTINCT (SELECT count(*) FROM process_images AS i WHERE i.upid = p.upid) " + mine), "1\n");
  EXPECT_EQ(ask("SELECT count(*) FROM gaps WHERE kind = 'events_lost'"), "0\n");
}

TEST_F(ProgramBrief, AProgramThatRunsAnotherOneLaterIsTwoImagesOfOneLife) {
  const std::string program = fs::canonical("/bin/true").string();
  const pid_t pid = run_one(fs::canonical("/bin/sh").string(), {"sh", "-c", "exec " + program + " --second"});
  ASSERT_GT(pid, 0);
  stop();
  EXPECT_EQ(
      ask(fmt::format("SELECT i.image_no, i.command_line FROM process_images AS i JOIN processes AS p USING (upid)"
                      " WHERE p.pid = {} AND p.parent_pid = {} ORDER BY i.image_no",
                      pid, ::getpid())),
      fmt::format("1|sh -c 'exec {0} --second'\n2|{0} --second\n", program));
}

TEST_F(ProgramBrief, ArgumentsThatAreTooLongForARecordAreCutAndSaySo) {
  const std::string large(6000, 'a');
  const pid_t pid = run_one(fs::canonical("/bin/true").string(), {"true", large, "--last"});
  ASSERT_GT(pid, 0);
  stop();
  EXPECT_EQ(ask(fmt::format("SELECT i.truncated, i.command_line = 'true ' || substr('{}', 1, 4090) FROM process_images"
                            " AS i JOIN processes AS p USING (upid) WHERE p.pid = {} AND p.parent_pid = {}",
                            large, pid, ::getpid())),
            "1|1\n");
}

}  // namespace
}  // namespace galproc
