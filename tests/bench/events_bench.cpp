// What events cost: the recorder for each one that it takes and stores, and who sends a signal while somebody listens.
// Signals, since they can be had at any rate; a birth or an end costs its own process a thousand times as much.

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <thread>

#include "bench/report.h"
#include "platform/platform.h"
#include "recorder/recording.h"
#include "support/temporary_folder.h"

namespace galproc::bench {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPerSecond = 10'000;
constexpr int kSeconds = 3;
constexpr int kSent = kPerSecond * kSeconds;
constexpr int kRounds = 5;
constexpr double kMostUsEach = 2;  // aimed at
constexpr std::chrono::milliseconds kBetweenDrains{250};

/// A process that does this and ends; it ends with this object at the latest.
class Forked {
 public:
  explicit Forked(const std::function<void()>& life) : pid_(::fork()) {
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    life();
    ::_exit(0);
  }
  ~Forked() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Forked(const Forked&) = delete;
  Forked& operator=(const Forked&) = delete;
  pid_t pid() const { return pid_; }
  bool has_ended() {
    if (::waitpid(pid_, nullptr, WNOHANG) != pid_) return false;
    pid_ = -1;
    return true;
  }

 private:
  pid_t pid_;
};

void sleep_deaf_to(int signal) {
  ::signal(signal, SIG_IGN);
  for (;;) ::pause();
}

/// Ten each millisecond: the rate is kept from the start, not from one to the next.
void send_evenly(pid_t target) {
  constexpr int kAtOnce = 10;
  auto due = Clock::now();
  for (int sent = 0; sent < kSent; sent += kAtOnce) {
    for (int i = 0; i < kAtOnce; ++i) ::kill(target, SIGUSR1);
    due += std::chrono::microseconds(1'000'000LL * kAtOnce / kPerSecond);
    std::this_thread::sleep_until(due);
  }
}

std::unique_ptr<EventSource> open(Platform& platform, std::string& why_not) {
  OpenedEvents opened = platform.open_events("bpf", {});
  why_not = opened.why_not;
  return std::move(opened.source);
}

struct Taken {
  std::int64_t stored = 0, lost = 0;
  double us_each = 0;
};

/// Takes and stores as the recorder does, while another process sends.
Taken take_and_store(Platform& platform, EventSource& source, pid_t target) {
  const TemporaryFolder folder;
  const Redactor redactor;
  RecordingFacts facts;
  facts.host = platform.host();
  facts.recorder = platform.self();
  facts.interval_us = 5'000'000;
  facts.version = "bench";
  facts.process_source = facts.socket_source = "none";
  facts.event_source = source.name();
  Recording recording(folder / "bench.db", facts, platform.clocks(), &redactor, 250);
  source.drain();

  Taken taken;
  EventReading pending;
  std::int64_t last_written_us = platform.clocks().boot_us;
  const auto step = [&](bool last) {
    pending.clocks = platform.clocks();
    EventBatch batch = source.drain();
    taken.lost += batch.lost_count;
    pending.lost_count += batch.lost_count;
    if (pending.events.empty()) pending.events.swap(batch.events);
    for (Event& event : batch.events) pending.events.push_back(std::move(event));
    constexpr std::size_t kMany = 5000;
    if (!last && pending.events.size() < kMany && pending.clocks.boot_us - last_written_us < 1'000'000) return;
    taken.stored += static_cast<std::int64_t>(pending.events.size());
    recording.write(pending);
    last_written_us = pending.clocks.boot_us;
    pending = {};
    pending.from_us = platform.clocks().wall_us;
  };
  pending.from_us = platform.clocks().wall_us;
  const double ms = cpu_ms_of([&] {
    Forked sender([&] { send_evenly(target); });
    while (!sender.has_ended()) {
      std::this_thread::sleep_for(kBetweenDrains);
      step(false);
    }
    step(true);
  });
  taken.us_each = ms * 1e3 / static_cast<double>(std::max<std::int64_t>(taken.stored, 1));
  return taken;
}

void report_taking(Platform& platform, EventSource& source) {
  const Forked target([] { sleep_deaf_to(SIGUSR1); });
  std::vector<double> each;
  std::int64_t stored = 0, lost = 0;
  for (int round = 0; round < kRounds; ++round) {
    const Taken taken = take_and_store(platform, source, target.pid());
    each.push_back(taken.us_each);
    stored += taken.stored;
    lost += taken.lost;
  }
  const std::string at = fmt::format("{} signals a second for {} s", kPerSecond, kSeconds);
  print({"events lost at " + at, fmt::format("{} of {} in {} rounds", lost, stored + lost, kRounds), "none",
         static_cast<double>(lost), 0.0, "0"});
  const Spread us = spread_of(each);
  print_absolute("an event taken and stored, at " + at,
                 fmt::format("{:.2f} us ({:.2f}-{:.2f})", us.median, us.low, us.high), us.median, kMostUsEach, "us");
}

/// CPU nanoseconds of one kill(2) in a process of its own.
double ns_to_send(pid_t target, int signal) {
  constexpr int kCount = 20'000;
  void* shared = ::mmap(nullptr, sizeof(double), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) throw std::runtime_error("mmap");
  auto* ns = static_cast<double*>(shared);
  *ns = 0;
  Forked sender([&] {
    const double ms = cpu_ms_of([&] {
      for (int i = 0; i < kCount; ++i) ::kill(target, signal);
    });
    *ns = ms * 1e6 / kCount;
  });
  while (!sender.has_ended()) ::usleep(1000);
  const double result = *ns;
  ::munmap(shared, sizeof(double));
  return result;
}

void report_sending(Platform& platform) {
  const Forked target([] { sleep_deaf_to(SIGUSR1); });
  std::vector<double> bare, recorded, filtered;
  for (int round = 0; round < 4 * kRounds; ++round) {
    bare.push_back(ns_to_send(target.pid(), SIGUSR1));
    std::string why_not;
    const auto source = open(platform, why_not);
    recorded.push_back(ns_to_send(target.pid(), SIGUSR1));
    source->drain();
    filtered.push_back(ns_to_send(target.pid(), SIGWINCH));
    source->drain();
  }
  const Spread without = spread_of(bare);
  const auto row = [&](const std::string& what, const Spread& with) {
    print({what,
           fmt::format("{:.0f} ns ({:.0f}-{:.0f})", with.median, with.low, with.high),
           fmt::format("{:.0f} ns ({:.0f}-{:.0f}) while nobody listens", without.median, without.low, without.high),
           with.median / without.median,
           {},
           ""});
  };
  row("kill(2) for its sender, recorded", spread_of(recorded));
  row("kill(2) for its sender, of a signal that is not recorded", spread_of(filtered));
}

void run() {
  const auto platform = make_platform();
  std::string why_not;
  if (const auto source = open(*platform, why_not)) {
    report_taking(*platform, *source);
  } else {
    print({"events by bpf", "not measured: " + why_not, "", {}, {}, ""});
    return;
  }
  report_sending(*platform);
}

}  // namespace

}  // namespace galproc::bench

int main() {
  try {
    galproc::bench::run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "events_bench: %s\n", error.what());
    return 1;
  }
}
