// The machine as a whole: made-up text for the parsers, one look at the machine that runs the test.

#include "platform/linux/system.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

namespace galproc {
namespace {

constexpr std::int64_t kTicks = 100;

SystemReading cpu_of(std::string_view text, std::int64_t ticks_per_second = kTicks) {
  SystemReading reading;
  parse_cpu_times(text, ticks_per_second, reading);
  return reading;
}

SystemReading memory_of(std::string_view text) {
  SystemReading reading;
  parse_memory(text, reading);
  return reading;
}

SystemReading network_of(std::string_view text) {
  SystemReading reading;
  parse_network(text, reading);
  return reading;
}

std::optional<double> load_of(std::string_view text) {
  SystemReading reading;
  parse_load(text, reading);
  return reading.load_1m;
}

/// A folder that stands for /proc and goes with the test.
class MadeUpProc {
 public:
  MadeUpProc() {
    std::string pattern = (std::filesystem::temp_directory_path() / "galproc_system_XXXXXX").string();
    if (const char* made = ::mkdtemp(pattern.data())) path_ = made;
  }
  ~MadeUpProc() { std::filesystem::remove_all(path_); }
  MadeUpProc(const MadeUpProc&) = delete;
  MadeUpProc& operator=(const MadeUpProc&) = delete;

  const std::filesystem::path& path() const { return path_; }
  void write(const std::string& name, std::string_view text) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name) << text;
  }

 private:
  std::filesystem::path path_;
};

TEST(CpuTimes, AreBusyButForIdleAndWaitingForInput) {
  const SystemReading reading = cpu_of("cpu  10 20 30 400 50 6 7 8 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n");
  EXPECT_EQ(reading.cpu_busy_us, 81 * 10'000);
  EXPECT_EQ(reading.cpu_total_us, 531 * 10'000);
  EXPECT_EQ(reading.cpu_count, 1);
}

TEST(CpuTimes, CountGuestsOnlyOnce) {
  EXPECT_EQ(cpu_of("cpu  10 0 0 0 0 0 0 0 9 1\n").cpu_total_us, 10 * 10'000);
}

TEST(CpuTimes, CountTheCpusThatHaveALine) {
  EXPECT_EQ(cpu_of("cpu  1 1 1 1\ncpu0 1 1 1 1\ncpu3 1 1 1 1\ncpu17 1 1 1 1\ncpufreq 1\nintr 5\n").cpu_count, 3);
}

TEST(CpuTimes, TakeTheFourFieldsOfAnOldKernel) {
  const SystemReading reading = cpu_of("cpu 1 2 3 4");
  EXPECT_EQ(reading.cpu_busy_us, 6 * 10'000);
  EXPECT_EQ(reading.cpu_total_us, 10 * 10'000);
}

TEST(CpuTimes, AreExactWhereATickIsNoWholeNumberOfMicroseconds) {
  EXPECT_EQ(cpu_of("cpu 1024 0 0 512\n", 1024).cpu_busy_us, 1'000'000);
  EXPECT_EQ(cpu_of("cpu 1024 0 0 512\n", 1024).cpu_total_us, 1'500'000);
}

TEST(CpuTimes, StayEmptyForHostileText) {
  for (const char* text : {"", "\n\n", "cpu", "cpu \n", "cpu 1 2 3\n", "cpu a b c d\n", "cpu 1 2 x 4 5 6 7 8\n",
                           "cpu -1 2 3 4\n", "cpu 99999999999999999999 0 0 0\n", "cpu 9223372036854775807 1 0 0\n",
                           "cpu 9223372036854775807 0 0 0\n", "cp 1 2 3 4\n"}) {
    const SystemReading reading = cpu_of(text);
    EXPECT_EQ(reading.cpu_busy_us, std::nullopt) << text;
    EXPECT_EQ(reading.cpu_total_us, std::nullopt) << text;
    EXPECT_EQ(reading.cpu_count, std::nullopt) << text;
  }
  EXPECT_EQ(cpu_of("cpu 1 2 3 4\n", 0).cpu_busy_us, std::nullopt);
  EXPECT_EQ(cpu_of(std::string_view("cpu 1\0 2 3 4 5 6 7 8\n", 22)).cpu_busy_us, std::nullopt);
}

TEST(CpuTimes, FitForYearsOfManyCpus) {
  // 1024 CPUs for ten years are 3.2e13 ticks: multiplied by a million first, they would not fit.
  EXPECT_EQ(cpu_of("cpu 32000000000000 0 0 0\n").cpu_busy_us, 320'000'000'000'000'000);
}

TEST(Memory, IsGivenInBytes) {
  const SystemReading reading = memory_of(
      "MemTotal:       1000 kB\nMemFree:          1 kB\nMemAvailable:    400 kB\nSwapCached:        9 kB\n"
      "SwapTotal:       300 kB\nSwapFree:        100 kB\n");
  EXPECT_EQ(reading.memory_total_bytes, 1000 * 1024);
  EXPECT_EQ(reading.memory_available_bytes, 400 * 1024);
  EXPECT_EQ(reading.swap_total_bytes, 300 * 1024);
  EXPECT_EQ(reading.swap_used_bytes, 200 * 1024);
}

TEST(Memory, KnowsNoSwapFromUnknownSwap) {
  EXPECT_EQ(memory_of("SwapTotal: 0 kB\nSwapFree: 0 kB\n").swap_used_bytes, 0);
  EXPECT_EQ(memory_of("SwapTotal: 5 kB\n").swap_used_bytes, std::nullopt);
  EXPECT_EQ(memory_of("SwapFree: 5 kB\n").swap_used_bytes, std::nullopt);
  EXPECT_EQ(memory_of("SwapFree: 6 kB\nSwapTotal: 5 kB\n").swap_used_bytes, std::nullopt);
}

TEST(Memory, StaysEmptyForHostileText) {
  for (const char* text : {"", "MemTotal:", "MemTotal: \n", "MemTotal: kB 5\n", "MemTotal: -5 kB\n", "MemTotal 5 kB\n",
                           "MemTotal: 9223372036854775807 kB\n", "MemTotal: 99999999999999999999999 kB\n", "\0"}) {
    EXPECT_EQ(memory_of(text).memory_total_bytes, std::nullopt) << text;
  }
}

TEST(Load, IsTheFirstNumber) {
  EXPECT_EQ(load_of("0.91 0.29 0.10 3/94 4896\n"), 0.91);
  EXPECT_EQ(load_of("12345.00 0 0 1/1 1\n"), 12345.0);
}

TEST(Load, StaysEmptyForHostileText) {
  for (const char* text : {"", "\n", "inf 1 1", "nan 1 1", "-1.0 1 1", "abc", "1e400", "0.5x 1 1", "0x10"}) {
    EXPECT_EQ(load_of(text), std::nullopt) << text;
  }
}

constexpr const char* kNetworkHead =
    "Inter-|   Receive                    |  Transmit\n face |bytes    packets errs |bytes    packets\n";

TEST(Network, SumsAllInterfacesButLoopback) {
  const SystemReading reading = network_of(std::string(kNetworkHead) +
                                           "    lo: 7777 1 0 0 0 0 0 0 7777 1 0 0 0 0 0 0\n"
                                           "  eth0: 1000 2 3 4 5 6 7 8 500 10 0 0 0 0 0 0\n"
                                           "lo.100:11 2 3 4 5 6 7 8 3 10 0 0 0 0 0 0\n");
  EXPECT_EQ(reading.received_bytes, 1011);
  EXPECT_EQ(reading.sent_bytes, 503);
}

TEST(Network, IsZeroInANamespaceThatHasOnlyLoopback) {
  const SystemReading reading = network_of(std::string(kNetworkHead) + "    lo: 7 1 0 0 0 0 0 0 7 1 0 0 0 0 0 0\n");
  EXPECT_EQ(reading.received_bytes, 0);
  EXPECT_EQ(reading.sent_bytes, 0);
}

TEST(Network, GivesNoHalfSums) {
  const std::string good = "eth0: 1000 2 3 4 5 6 7 8 500 10 0 0 0 0 0 0\n";
  EXPECT_EQ(network_of(good + "eth1: x 2 3 4 5 6 7 8 1 0 0 0 0 0 0 0\n").received_bytes, std::nullopt);
  EXPECT_EQ(network_of(good + "eth1: x 2 3 4 5 6 7 8 1 0 0 0 0 0 0 0\n").sent_bytes, 501);
  EXPECT_EQ(network_of(good + "eth1: 1 2 3\n").sent_bytes, std::nullopt);
  EXPECT_EQ(network_of(good + "eth1: 9223372036854775807 2 3 4 5 6 7 8 1 0\n").received_bytes, std::nullopt);
  EXPECT_EQ(network_of(good + "eth1: 18446744073709551615 2 3 4 5 6 7 8 1 0\n").received_bytes, std::nullopt);
}

TEST(Network, StaysEmptyForTextWithoutInterfaces) {
  for (const char* text : {"", "\n", "garbage", kNetworkHead}) {
    EXPECT_EQ(network_of(text).received_bytes, std::nullopt) << text;
    EXPECT_EQ(network_of(text).sent_bytes, std::nullopt) << text;
  }
}

TEST(Pressure, IsTheTotalOfTheLineSome) {
  EXPECT_EQ(parse_pressure("some avg10=3.02 avg60=6.29 avg300=1.99 total=9944380\n"
                           "full avg10=0.00 avg60=0.00 avg300=0.00 total=1\n"),
            9944380);
  EXPECT_EQ(parse_pressure("full avg10=0.00 total=1\nsome total=2"), 2);
}

TEST(Pressure, StaysEmptyForHostileText) {
  for (const char* text : {"", "some", "some total=", "some total=x", "some total=-3", "full avg10=0 total=1\n",
                           "some avg10=0\ntotal=5\n", "some total=99999999999999999999\n", "awesome total=3\n"}) {
    EXPECT_EQ(parse_pressure(text), std::nullopt) << text;
  }
}

TEST(SystemReading, ReadsEachFileIntoItsFields) {
  const MadeUpProc proc;
  const std::int64_t ticks_per_second = ::sysconf(_SC_CLK_TCK);
  proc.write("stat",
             "cpu  " + std::to_string(3 * ticks_per_second) + " 0 0 " + std::to_string(ticks_per_second) + "\n");
  proc.write("meminfo", "MemTotal: 2 kB\n");
  proc.write("loadavg", "1.50 0 0 1/1 1\n");
  proc.write("net/dev", "eth0: 1 2 3 4 5 6 7 8 9 0\n");
  proc.write("pressure/cpu", "some total=10\n");
  proc.write("pressure/memory", "some total=11\n");
  proc.write("pressure/io", "some total=12\n");
  const SystemReading reading = read_linux_system("/", proc.path());
  EXPECT_EQ(reading.cpu_busy_us, 3'000'000);
  EXPECT_EQ(reading.cpu_total_us, 4'000'000);
  EXPECT_EQ(reading.memory_total_bytes, 2048);
  EXPECT_EQ(reading.load_1m, 1.5);
  EXPECT_EQ(reading.received_bytes, 1);
  EXPECT_EQ(reading.sent_bytes, 9);
  EXPECT_EQ(reading.cpu_pressure_us, 10);
  EXPECT_EQ(reading.memory_pressure_us, 11);
  EXPECT_EQ(reading.io_pressure_us, 12);
  EXPECT_TRUE(reading.errors.empty());
}

TEST(SystemReading, CountsMissingFilesAsErrorsButForThePressure) {
  const MadeUpProc proc;
  const SystemReading reading = read_linux_system("/no such folder", proc.path());
  std::string operations;
  for (const ReadError& error : reading.errors) {
    operations += error.operation + ";";
    EXPECT_EQ(error.code, ENOENT);
    EXPECT_EQ(error.text, std::strerror(ENOENT));
    EXPECT_EQ(error.count, 1);
  }
  EXPECT_EQ(operations, "read stat;read meminfo;read loadavg;read net/dev;statvfs;");
  EXPECT_EQ(reading.cpu_pressure_us, std::nullopt);
  EXPECT_EQ(reading.disk_total_bytes, std::nullopt);
}

TEST(SystemReading, CountsAPressureFileThatIsThereAndCannotBeRead) {
  const MadeUpProc proc;
  std::filesystem::create_directories(proc.path() / "pressure/io");
  const SystemReading reading = read_linux_system("/", proc.path());
  ASSERT_FALSE(reading.errors.empty());
  EXPECT_EQ(reading.errors.back().operation, "read pressure/io");
  EXPECT_EQ(reading.errors.back().code, EISDIR);
}

TEST(SystemReading, MakesSenseOnThisMachine) {
  const SystemReading reading = read_linux_system(std::filesystem::temp_directory_path());
  ASSERT_TRUE(reading.cpu_busy_us && reading.cpu_total_us && reading.cpu_count);
  EXPECT_GT(*reading.cpu_busy_us, 0);
  EXPECT_GT(*reading.cpu_total_us, *reading.cpu_busy_us);
  EXPECT_EQ(*reading.cpu_count, ::sysconf(_SC_NPROCESSORS_ONLN));
  ASSERT_TRUE(reading.memory_total_bytes && reading.memory_available_bytes);
  EXPECT_LE(*reading.memory_total_bytes, ::sysconf(_SC_PHYS_PAGES) * ::sysconf(_SC_PAGESIZE));
  EXPECT_GT(*reading.memory_total_bytes, *reading.memory_available_bytes);
  ASSERT_TRUE(reading.swap_total_bytes && reading.swap_used_bytes);
  EXPECT_GE(*reading.swap_total_bytes, *reading.swap_used_bytes);
  ASSERT_TRUE(reading.disk_total_bytes && reading.disk_used_bytes);
  const auto space = std::filesystem::space(std::filesystem::temp_directory_path());
  EXPECT_EQ(*reading.disk_total_bytes, static_cast<std::int64_t>(space.capacity));
  EXPECT_LE(*reading.disk_used_bytes, *reading.disk_total_bytes);
  ASSERT_TRUE(reading.load_1m);
  EXPECT_GE(*reading.load_1m, 0);
  EXPECT_TRUE(reading.received_bytes && reading.sent_bytes);
  EXPECT_EQ(reading.cpu_pressure_us.has_value(), std::filesystem::exists("/proc/pressure/cpu"));
  EXPECT_TRUE(reading.errors.empty());
}

}  // namespace
}  // namespace galproc
