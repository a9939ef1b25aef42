// What a recorder gives up once it records: capabilities, programs that could gain some, a dump of its memory.

#include <linux/capability.h>
#include <sys/stat.h>

#include "support/nobody.h"
#include "support/puppet.h"

namespace galproc {
namespace {

constexpr std::uint64_t bit(int number) {
  return std::uint64_t{1} << number;
}
constexpr std::uint64_t kOfSources =
    bit(CAP_BPF) | bit(CAP_PERFMON) | bit(CAP_SYS_PTRACE) | bit(CAP_DAC_READ_SEARCH) | bit(CAP_NET_ADMIN);

class ProgramPrivileges : public NobodyTest {
 protected:
  /// A line of the status of each of its threads.
  static std::vector<std::string> of_threads(pid_t pid, const std::string& key) {
    std::vector<std::string> values;
    for (const auto& thread : fs::directory_iterator(fmt::format("/proc/{}/task", pid))) {
      std::ifstream status(thread.path() / "status");
      for (std::string line; std::getline(status, line);) {
        if (line.starts_with(key + ":\t")) values.push_back(line.substr(key.size() + 2));
      }
    }
    return values;
  }
  static std::uint64_t bits_of(const std::string& hex) { return std::stoull(hex, nullptr, 16); }

  /// No thread has a capability that is not in `most`, nor can one be gained; the first one has all of `least`.
  static void expect_capabilities(pid_t pid, std::uint64_t least, std::uint64_t most) {
    for (const char* key : {"CapPrm", "CapEff", "CapBnd", "CapInh", "CapAmb"}) {
      const auto all = of_threads(pid, key);
      ASSERT_FALSE(all.empty());
      for (const std::string& value : all) EXPECT_EQ(bits_of(value) & ~most, 0U) << key << " " << value;
    }
    EXPECT_EQ(bits_of(of_threads(pid, "CapEff").front()) & least, least);
    for (const std::string& value : of_threads(pid, "NoNewPrivs")) EXPECT_EQ(value, "1");
  }
  /// That it records, and so has given up what it does.
  static bool has_ticks(const fs::path& file) {
    try {
      return fs::exists(file) && galproc::ask(file, "SELECT count(*) > 1 FROM tick") == "1\n";
    } catch (const SQLite::Exception&) {
      return false;  // it is being made
    }
  }
  static std::uint64_t own_capabilities() { return bits_of(of_threads(::getpid(), "CapEff").front()); }
};

TEST_F(ProgramPrivileges, KeepsThoseOfItsSourcesAlone) {
  Program recorder = record({"--interval", "50ms"});
  expect_capabilities(recorder.pid(), own_capabilities() & kOfSources, is_root() ? kOfSources : own_capabilities());
  // And can do its work with them.
  Puppet puppet;
  const pid_t pid = puppet.pid();
  const int port = puppet.listen();
  settle();
  EXPECT_EQ(ask(fmt::format("SELECT pid FROM port_bindings WHERE port = {} AND protocol = 'tcp'", port)),
            fmt::format("{}\n", pid));
  puppet.end();
  settle();
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
  EXPECT_EQ(ask(fmt::format("SELECT ended_us IS NULL FROM processes WHERE pid = {}", pid)), "0\n");
  EXPECT_EQ(recorder.err().find("Privileges that are not needed stay"), std::string::npos) << recorder.err();
}

TEST_F(ProgramPrivileges, OfTheConnectorToo) {
  Program recorder = record({"--interval", "50ms", "--process-source", "proc", "--event-source", "auto"});
  expect_capabilities(recorder.pid(), 0, is_root() ? kOfSources : own_capabilities());
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
}

TEST_F(ProgramPrivileges, AFolderOfSomebodyElseTakesThoseToWriteThere) {
  if (!is_root()) GTEST_SKIP() << "needs root, who may write everywhere";
  if ((own_capabilities() & bit(CAP_DAC_OVERRIDE)) == 0) GTEST_SKIP() << "root may not write everywhere here";
  ASSERT_EQ(::chmod(nobodys_.c_str(), 0700), 0);
  const fs::path file = nobodys_ / "galproc.db";
  Program recorder = start({galproc_binary(), "record", "--db", file.string(), "--interval", "50ms"});
  ASSERT_TRUE(wait_until([&] { return has_ticks(file); })) << recorder.err();
  const std::uint64_t to_write = bit(CAP_DAC_OVERRIDE) | bit(CAP_CHOWN);
  expect_capabilities(recorder.pid(), bit(CAP_DAC_OVERRIDE), kOfSources | to_write);
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
}

TEST_F(ProgramPrivileges, ItsMemoryIsNoOthersToRead) {
  const std::string file = (nobodys_ / "galproc.db").string();
  Options options;
  if (is_root()) options.before_exec = [] { become(kNobody, kNobody); };
  const std::string program = is_root() ? program_.string() : galproc_binary();
  std::vector<std::string> words{program, "record", "--db", file, "--interval", "50ms"};
  options.environment = {"HOME=" + nobodys_.string()};
  Program recorder(words, options);
  ASSERT_TRUE(wait_until([&] { return has_ticks(file); })) << recorder.err();
  // What a process that may not be dumped has in /proc belongs to root.
  struct stat environment {};
  ASSERT_EQ(::stat(fmt::format("/proc/{}/environ", recorder.pid()).c_str(), &environment), 0);
  EXPECT_EQ(environment.st_uid, 0U);
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
}

}  // namespace
}  // namespace galproc
