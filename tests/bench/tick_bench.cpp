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
constexpr std::size_t kMany = 10'000;

/// What is aimed at, times the bare pass.
struct Limits {
  std::optional<double> read;  ///< of processes alone
  std::optional<double> idle, all_changed;
};
constexpr Limits kProcLimits{std::nullopt, 0.75, std::nullopt}, kBpfLimits{0.10, 0.20, 0.30};
/// With few processes the rest of a tick weighs more than reading them.
constexpr Limits kNoLimits{};

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

RecordingFacts facts_of(Platform& platform, const ReadingSources& sources) {
  RecordingFacts facts;
  facts.host = platform.host();
  facts.recorder = platform.self();
  facts.interval_us = 5'000'000;
  facts.version = "bench";
  facts.process_source = sources.processes;
  facts.socket_source = sources.sockets;
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
  /// REQUIRES: the source can be had.
  explicit Bench(const char* source) {
    const ReadingSources sources = platform_.choose_process_source(source);
    recording_ = std::make_unique<Recording>(folder_ / "bench.db", facts_of(platform_, sources), platform_.clocks(),
                                             &redactor_, 250);
  }

  void tick(Series& series, bool keyframe) {
    const double before_ms = cpu_ms();
    double read_ms = 0;
    {
      const TickReading reading = take_reading(platform_);
      read_ms = cpu_ms();
      std::vector<GapNote> gaps;  // the tick after a hole is a keyframe: so one comes when it is wanted
      if (keyframe) gaps.push_back({"readings_dropped", reading.clocks.wall_us, reading.clocks.wall_us, "bench"});
      recording_->write(reading, gaps);
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
  std::unique_ptr<Recording> recording_;
};

void report_total(const std::string& what, const Series& series, std::optional<double> limit) {
  const Spread bare = spread_of(series.bare), tick = spread_of(series.tick);
  print({what, in_ms(tick), "bare pass " + in_ms(bare), tick.median / bare.median, limit,
         limit ? fmt::format("<= {:g}", *limit) : ""});
}

void report(const std::string& what, const Series& series, std::optional<double> limit) {
  report_total(what, series, limit);
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

void report_reading(const std::string& what, const Series& series, std::optional<double> limit) {
  Series reading = series;
  reading.tick = reading.processes;
  report_total(what, reading, limit);
}

void run(Sleepers& sleepers, std::size_t count, const char* source, const Limits& limits) {
  Bench bench(source);
  Series first;
  bench.tick(first, false);
  const auto idle = bench.rounds(kRounds, false, [] {});
  // The same ones each time, as on a machine where some work and most wait.
  const auto active = bench.rounds(kRounds, false, [&] { sleepers.stir(kActiveShare); });
  const auto all = bench.rounds(kRounds, false, [&] { sleepers.stir(1); });
  const auto keyframe = bench.rounds(kKeyframeRounds, true, [] {});
  const std::string at = fmt::format("by {}, {} sleeping", source, count);
  if (std::string_view(source) == "bpf") {
    report_reading(fmt::format("reading processes {} ({} in all)", at, bench.process_count), idle, limits.read);
  }
  report(fmt::format("whole tick {} ({} processes in all)", at, bench.process_count), idle, limits.idle);
  report(fmt::format("whole tick {}, 5 % of them awake in between", at), active, limits.idle);
  report(fmt::format("whole tick {}, all of them awake in between", at), all, limits.all_changed);
  report_total(fmt::format("tick that is a keyframe (one in 60) {}", at), keyframe, std::nullopt);
  first.bare = idle.bare;
  report_total(fmt::format("first tick of a recording {}", at), first, std::nullopt);
}

/// Whether the kernel lets this user have it; a row says why not.
bool has_bpf() {
  const ReadingSources sources = make_platform()->choose_process_source("bpf");
  if (sources.processes == "bpf") return true;
  print({"a tick by bpf", "not measured: " + sources.why_not_processes, "", {}, {}, ""});
  return false;
}

void run_all() {
  Sleepers sleepers;
  const bool bpf = has_bpf();
  for (const std::size_t count : {500U, 2000U}) {
    sleepers.grow_to(count);
    run(sleepers, count, "proc", kProcLimits);
    if (bpf) run(sleepers, count, "bpf", count < 2000 ? kNoLimits : kBpfLimits);
  }
  if (!bpf) return;
  try {
    sleepers.grow_to(kMany);
  } catch (const std::exception& error) {
    print({fmt::format("{} processes", kMany), error.what(), "", {}, {}, ""});
    return;
  }
  Bench bench("bpf");
  Series first;
  bench.tick(first, false);
  report_reading(fmt::format("reading processes by bpf, {} sleeping", kMany),
                 bench.rounds(kKeyframeRounds, false, [] {}), kBpfLimits.read);
}

}  // namespace

}  // namespace galproc::bench

int main() {
  try {
    galproc::bench::run_all();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tick_bench: %s\n", error.what());
    return 1;
  }
}
