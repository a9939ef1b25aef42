#include "platform/linux/proc_text.h"

#include <gtest/gtest.h>

namespace galproc {
namespace {

/// A stat line of that name with fields 3 to 52 as the kernel writes them.
std::string stat_of(const std::string& comm, char state = 'S', const std::string& threads = "3") {
  return "42 (" + comm + ") " + state + " 7 42 42 0 -1 4194304 100 200 3 4 11 22 5 6 20 0 " + threads +
         " 0 123456 1000000 250 18446744073709551615 94000000000000 2 140000000000000 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0"
         " 94000000100000 5 6 140000000000777 140000000000888 8 9 15\n";
}

TEST(ParseStat, ReadsTheFieldsByTheirNumbers) {
  const auto line = parse_stat(stat_of("nginx"));
  ASSERT_TRUE(line);
  EXPECT_EQ(line->pid, 42);
  EXPECT_EQ(line->comm, "nginx");
  EXPECT_EQ(line->state, 'S');
  EXPECT_EQ(line->parent_pid, 7);
  EXPECT_EQ(line->flags, 4194304U);
  EXPECT_EQ(line->user_ticks, 11);
  EXPECT_EQ(line->system_ticks, 22);
  EXPECT_EQ(line->thread_count, 3);
  EXPECT_EQ(line->start_ticks, 123456);
  EXPECT_EQ(line->resident_pages, 250);
  EXPECT_EQ(line->start_code, 94000000000000U);
  EXPECT_EQ(line->start_stack, 140000000000000U);
  EXPECT_EQ(line->argument_start, 140000000000777U);
  EXPECT_EQ(line->wait_status, 15);
}

TEST(ParseStat, TakesNamesWithAnythingInThem) {
  for (const char* name : {"a b", ") S 1 (", "((", "", "line\nbreak", "\xff\xfe", "x) R 9 9 9 (y"}) {
    const auto line = parse_stat(stat_of(name));
    ASSERT_TRUE(line) << name;
    EXPECT_EQ(line->comm, name);
    EXPECT_EQ(line->parent_pid, 7) << name;
  }
}

TEST(ParseStat, RefusesWhatIsNotAWholeLine) {
  const std::string whole = stat_of("sh");
  for (const std::string& text : {std::string(), std::string("42"), std::string("42 (sh"), std::string("42 (sh) S"),
                                  std::string("x (sh) S 1 2"), std::string(")("), whole.substr(0, 60)}) {
    EXPECT_FALSE(parse_stat(text)) << text;
  }
  for (std::size_t length = 0; length < whole.size(); ++length) parse_stat(whole.substr(0, length));  // must not crash
}

TEST(ParseStat, RefusesTimesAndSizesThatNoMachineReaches) {
  const std::string whole = stat_of("sh");
  for (const char* field : {" 11 22 ", " 22 5 ", " 123456 ", " 250 "}) {
    const std::string beyond = std::string(" 9223372036854775807") + (field + std::string(field).find(' ', 1));
    std::string text = whole;
    text.replace(text.find(field), std::string(field).size(), beyond);
    EXPECT_FALSE(parse_stat(text)) << text;
  }
}

TEST(ParseStat, ALineOfAnOldKernelWithoutTheLastFieldsIsWhole) {
  const auto line = parse_stat(stat_of("sh").substr(0, stat_of("sh").find(" 94000000100000")));
  ASSERT_TRUE(line);
  EXPECT_EQ(line->argument_start, 0U);
}

TEST(SplitArguments, EndsEachAtItsNulAndKeepsEmptyOnes) {
  EXPECT_EQ(split_arguments(std::string("a\0\0b c\0", 7)), (std::vector<std::string>{"a", "", "b c"}));
  EXPECT_EQ(split_arguments("title without an end"), (std::vector<std::string>{"title without an end"}));
  EXPECT_TRUE(split_arguments("").empty());
}

TEST(ParseCgroup, PrefersTheUnifiedOneThenSystemdThenPids) {
  EXPECT_EQ(parse_cgroup("0::/system.slice/nginx.service\n"), "/system.slice/nginx.service");
  EXPECT_EQ(parse_cgroup("5:pids:/p\n1:name=systemd:/s\n0::/\n"), "/s");
  EXPECT_EQ(parse_cgroup("5:pids:/p\n0::/\n"), "/p");
  EXPECT_EQ(parse_cgroup("0::/\n"), "/");
  EXPECT_EQ(parse_cgroup("0::/a:b\n"), "/a:b");
  EXPECT_FALSE(parse_cgroup("nothing of the kind"));
}

TEST(ParseIo, TakesTheBytesThatReachedStorage) {
  const auto io = parse_io(
      "rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 5\n");
  ASSERT_TRUE(io);
  EXPECT_EQ(io->read_bytes, 4096);
  EXPECT_EQ(io->written_bytes, 8192);
  EXPECT_FALSE(parse_io("rchar: 1\n"));
}

TEST(ParseStatus, TakesTheEffectiveUserAndThePeak) {
  const auto status = parse_status("Name:\tx\nUid:\t1000\t33\t1000\t1000\nGid:\t1\t1\t1\t1\nVmHWM:\t    2048 kB\n");
  EXPECT_EQ(status.effective_uid, 33);
  EXPECT_EQ(status.peak_resident_bytes, 2048 * 1024);
  EXPECT_FALSE(parse_status("Name:\tkthreadd\nUid:\t0\t0\t0\t0\n").peak_resident_bytes);
  EXPECT_EQ(parse_status("Uid:\t0\t0\t0\t0").effective_uid, 0);
  EXPECT_FALSE(parse_status("VmHWM:\t9223372036854775807 kB\n").peak_resident_bytes);
}

TEST(FindVariable, ComparesTheWholeName) {
  const std::string environment("XVIRTUAL_ENV=no\0VIRTUAL_ENVX=no\0VIRTUAL_ENV=/srv/venv\0", 55);
  EXPECT_EQ(find_variable(environment, "VIRTUAL_ENV"), "/srv/venv");
  EXPECT_FALSE(find_variable(environment, "GALPROC_SERVICE"));
  EXPECT_EQ(find_variable("A=", "A"), "");
}

TEST(CompleteName, IsTheProgramOrScriptWhoseNameTheKernelCut) {
  const std::string cut = "gunicorn-worker";  // 15 bytes
  EXPECT_EQ(complete_name(cut, "/usr/bin/gunicorn-worker-pool", std::nullopt), "gunicorn-worker-pool");
  EXPECT_EQ(complete_name(cut, "/usr/bin/python3", std::vector<std::string>{"python3", "/srv/gunicorn-worker.py"}),
            "gunicorn-worker.py");
  EXPECT_EQ(complete_name(cut, "/x/gunicorn-worker-pool (deleted)", std::nullopt), "gunicorn-worker-pool");
  EXPECT_EQ(complete_name(cut, "/usr/bin/other", std::vector<std::string>{"other"}), cut);
  EXPECT_EQ(complete_name("sh", "/usr/bin/shell-of-mine", std::nullopt), "sh");
}

TEST(TimeNamespaceOffset, IsThatOfTheClockThatIsNamed) {
  const char* text = "monotonic           0         0\nboottime       100000 500000000\n";
  EXPECT_EQ(parse_time_namespace_offset_ns(text, "boottime"), 100'000'500'000'000);
  EXPECT_EQ(parse_time_namespace_offset_ns(text, "monotonic"), 0);
  EXPECT_EQ(parse_time_namespace_offset_ns("", "boottime"), 0);
  EXPECT_EQ(parse_time_namespace_offset_ns("boottime 9223372036854775807 0\n", "boottime"), 0);
}

}  // namespace
}  // namespace galproc
