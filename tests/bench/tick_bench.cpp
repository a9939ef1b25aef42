// What a tick costs: a whole one, read and committed, against the bare pass that any reader of /proc has to make. Both
// are taken in turn in one process, so that what else the machine does falls on both.

#include <dirent.h>
#include <fcntl.h>

#include <array>
#include <chrono>
#include <thread>

#include "bench/report.h"
#include "bench/sleepers.h"
#include "platform/posix/descriptor.h"
#include "recorder/recording.h"
#include "support/fake_platform.h"
#include "support/temporary_folder.h"

namespace galproc::bench {

namespace {

constexpr int kRounds = 21;
constexpr int kKeyframeRounds = 7;
constexpr std::size_t kActiveShare = 20;  // one in so many: 5 %
constexpr std::chrono::milliseconds kPause{100};
constexpr double kTickLimit = 0.75;  // aimed at: the whole tick of the /proc fallback

/// Opens, reads and closes every /proc/PID/stat; gives how many there were.
std::size_t bare_pass() {
  DIR* folder = ::opendir("/proc");
  if (!folder) throw std::runtime_error("opendir /proc");
  std::size_t count = 0;
  std::array<char, 4096> text{};
  while (const dirent* item = ::readdir(folder)) {
    if (item->d_name[0] < '1' || item->d_name[0] > '9') continue;
    std::array<char, 300> name{};
    std::snprintf(name.data(), name.size(), "%s/stat", item->d_name);
    const Descriptor file(::openat(::dirfd(folder), name.data(), O_RDONLY | O_CLOEXEC));
    if (file && ::read(file.get(), text.data(), text.size()) > 0) ++count;
  }
  ::closedir(folder);
  return count;
}

/// The real platform, with the CPU time that each kind of reading took last.
class TimedPlatform : public FailingPlatform {  // one that never fails
 public:
  double processes_ms = 0, sockets_ms = 0, system_ms = 0;

  explicit TimedPlatform(Platform& real) : FailingPlatform(real, -1) {}

  ProcessPass read_processes() override {
    ProcessPass pass;
    processes_ms = cpu_ms_of([&] { pass = FailingPlatform::read_processes(); });
    return pass;
  }
  SocketPass read_sockets(const ProcessPass& processes) override {
    SocketPass pass;
    sockets_ms = cpu_ms_of([&] { pass = FailingPlatform::read_sockets(processes); });
    return pass;
  }
  SystemReading read_system(const std::filesystem::path& disk_path) override {
    SystemReading reading;
    system_ms = cpu_ms_of([&] { reading = FailingPlatform::read_system(disk_path); });
    return reading;
  }
};

RecordingFacts facts_of(Platform& platform) {
  RecordingFacts facts;
  facts.host = platform.host();
  facts.recorder = platform.self();
  facts.interval_us = 5'000'000;
  facts.version = "bench";
  facts.process_source = "proc";
  facts.socket_source = "sock_diag";
  facts.event_source = "none";
  return facts;
}

/// Figures of one kind of tick and of the bare passes between them, CPU milliseconds.
struct Series {
  std::vector<double> bare, tick, processes, sockets, system, write;
};

/// A recorder without its loop, on a file of its own.
class Bench {
 public:
  Bench() : recording_(folder_ / "bench.db", facts_of(platform_), platform_.clocks(), &redactor_, 250) {}

  void tick(Series& series, bool keyframe) {
    const double before_ms = cpu_ms();
    double read_ms = 0;
    {
      const TickReading reading = take_reading(platform_);
      read_ms = cpu_ms();
      std::vector<GapNote> gaps;  // the tick after a hole is a keyframe: so one comes when it is wanted
      if (keyframe) gaps.push_back({"readings_dropped", reading.clocks.wall_us, reading.clocks.wall_us, "bench"});
      recording_.write(reading, gaps);
      process_count = reading.processes->processes.size();
    }
    const double after_ms = cpu_ms();
    series.tick.push_back(after_ms - before_ms);
    series.write.push_back(after_ms - read_ms);
    series.processes.push_back(platform_.processes_ms);
    series.sockets.push_back(platform_.sockets_ms);
    series.system.push_back(platform_.system_ms);
  }

  /// Ticks and bare passes in turn. `stir` is called before each tick, in time for what it starts to be over by then.
  template <typename Stir>
  Series rounds(int count, bool keyframe, const Stir& stir) {
    Series series;
    for (int round = 0; round < count; ++round) {
      const auto bare = [&] {
        std::this_thread::sleep_for(kPause);
        series.bare.push_back(cpu_ms_of([] { bare_pass(); }));
      };
      if (round % 2 == 0) bare();
      stir();
      std::this_thread::sleep_for(kPause);
      tick(series, keyframe);
      if (round % 2 != 0) bare();
    }
    return series;
  }

  std::size_t process_count = 0;

 private:
  TemporaryFolder folder_;
  std::unique_ptr<Platform> real_ = make_platform();
  TimedPlatform platform_{*real_};
  Redactor redactor_;
  Recording recording_;
};

void report_total(const std::string& what, const Series& series, std::optional<double> limit) {
  const Spread bare = spread_of(series.bare), tick = spread_of(series.tick);
  print({what, in_ms(tick), "bare pass " + in_ms(bare), tick.median / bare.median, limit,
         limit ? fmt::format("<= {:g}", *limit) : ""});
}

void report(const std::string& what, const Series& series) {
  report_total(what, series, kTickLimit);
  const Spread bare = spread_of(series.bare);
  const auto part = [&](const char* name, const std::vector<double>& figures) {
    const Spread spread = spread_of(figures);
    print({std::string("- of it: ") + name, in_ms(spread), "", spread.median / bare.median, {}, ""});
  };
  part("reading processes", series.processes);
  part("reading sockets", series.sockets);
  part("reading the system", series.system);
  part("difference, rows and commit", series.write);
}

void run(Sleepers& sleepers, std::size_t count) {
  sleepers.grow_to(count);
  Bench bench;
  Series first;
  bench.tick(first, false);
  const auto idle = bench.rounds(kRounds, false, [] {});
  // The same ones each time, as on a machine where some work and most wait.
  const auto active = bench.rounds(kRounds, false, [&] { sleepers.stir(kActiveShare); });
  const auto keyframe = bench.rounds(kKeyframeRounds, true, [] {});
  const std::string at = fmt::format("{} sleeping ({} processes in all)", count, bench.process_count);
  report("whole tick, " + at, idle);
  report(fmt::format("whole tick, {}, 5 % of them awake in between", count), active);
  report_total(fmt::format("tick that is a keyframe (one in 60), {} sleeping", count), keyframe, std::nullopt);
  first.bare = idle.bare;
  report_total(fmt::format("first tick of a recording, {} sleeping", count), first, std::nullopt);
}

}  // namespace

}  // namespace galproc::bench

int main() {
  try {
    galproc::bench::Sleepers sleepers;
    for (const std::size_t count : {500U, 2000U}) galproc::bench::run(sleepers, count);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tick_bench: %s\n", error.what());
    return 1;
  }
}
