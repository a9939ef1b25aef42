// What a crowded and busy machine does to the recorder: 10 000 processes, 20 000 sockets, and for some time 10 000
// events a second and short lives, then a burst of signals. What it drops has to be counted, its memory bounded, and no
// CPU full for longer than a tick. In a network namespace of its own; what it makes ends with it.

#include <SQLiteCpp/SQLiteCpp.h>
#include <sched.h>
#include <spawn.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <thread>

#include "bench/holders.h"
#include "bench/report.h"
#include "bench/sleepers.h"
#include "support/temporary_folder.h"

namespace galproc::bench {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kProcesses = 10'000;
constexpr int kSignalsASecond = 10'000, kLivesAMinute = 5000, kBurst = 300'000, kIntervalSeconds = 5;
constexpr double kMostMiB = 64, kFull = 0.95;

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
    ::kill(pid_, SIGKILL);
    wait();
  }
  Forked(const Forked&) = delete;
  Forked& operator=(const Forked&) = delete;
  pid_t pid() const { return pid_; }
  void wait() {
    if (!waited_) ::waitpid(pid_, nullptr, 0);
    waited_ = true;
  }

 private:
  pid_t pid_;
  bool waited_ = false;
};

/// `what` so often, evenly over so many seconds.
void do_evenly(std::int64_t times, int seconds, const std::function<void()>& what) {
  const auto began = Clock::now();
  for (std::int64_t i = 0; i < times; ++i) {
    std::this_thread::sleep_until(began + std::chrono::microseconds(i * seconds * 1'000'000 / times));
    what();
  }
}

void live_shortly() {
  const char* words[] = {"/bin/true", nullptr};
  pid_t pid = 0;
  if (::posix_spawn(&pid, words[0], nullptr, nullptr, const_cast<char* const*>(words), nullptr) != 0) std::abort();
  ::waitpid(pid, nullptr, 0);
}

std::string text_of(const std::string& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// Of all its threads so far, seconds.
double cpu_seconds_of(pid_t pid) {
  const std::string stat = text_of(fmt::format("/proc/{}/stat", pid));
  unsigned long user = 0, system = 0;
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos ||
      std::sscanf(stat.c_str() + name_end, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) !=
          2)
    return 0;
  return static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

double peak_mib_of(pid_t pid) {
  const std::string status = text_of(fmt::format("/proc/{}/status", pid));
  const std::size_t at = status.find("VmHWM:");
  return at == std::string::npos ? 0 : std::strtod(status.c_str() + at + 6, nullptr) / 1024;
}

/// The recorder's CPU in each second of the load.
struct Cpu {
  double worst = 0;
  double sum = 0;
  int seconds = 0, longest_full = 0;
};

Cpu watch(pid_t recorder, int seconds) {
  Cpu cpu;
  int full = 0;
  auto due = Clock::now();
  double before = cpu_seconds_of(recorder);
  for (; cpu.seconds < seconds; ++cpu.seconds) {
    due += std::chrono::seconds(1);
    std::this_thread::sleep_until(due);
    const double now = cpu_seconds_of(recorder);
    const double used = now - before;
    before = now;
    cpu.worst = std::max(cpu.worst, used);
    cpu.sum += used;
    full = used >= kFull ? full + 1 : 0;
    cpu.longest_full = std::max(cpu.longest_full, full);
  }
  return cpu;
}

std::int64_t number(SQLite::Database& database, const std::string& sql) {
  return database.execAndGet(sql).getInt64();
}

void report(const char* what, std::int64_t made, std::int64_t stored, std::int64_t lost) {
  // Of what is neither stored nor counted as lost nothing would tell: there may be none.
  print({what, fmt::format("{} stored, {} counted as lost", stored, lost), fmt::format("{} made", made),
         static_cast<double>(std::max<std::int64_t>(0, made - stored - lost)), 0.0, "none untold"});
}

void run(const char* galproc, int seconds) {
  if (::unshare(CLONE_NEWNET) != 0) throw std::runtime_error("it needs a network namespace of its own: run it as root");
  const TemporaryFolder folder;
  const std::string path = (folder / "load.db").string();
  Sleepers sleepers;
  sleepers.grow_to(kProcesses);
  const Holders holders;
  const Forked target([] {
    ::signal(SIGUSR1, SIG_IGN);
    for (;;) ::pause();
  });
  Forked recorder([&] {
    const std::string interval = fmt::format("{}s", kIntervalSeconds);
    ::execl(galproc, galproc, "record", "-q", "--db", path.c_str(), "--interval", interval.c_str(), nullptr);
  });
  watch(recorder.pid(), 2 * kIntervalSeconds);  // its first look is the dearest
  const double idle_mib = peak_mib_of(recorder.pid());

  const std::int64_t signals = std::int64_t{kSignalsASecond} * seconds,
                     lives = std::int64_t{kLivesAMinute} * seconds / 60;
  Forked sender([&] {
    do_evenly(signals / 10, seconds, [&] {
      for (int i = 0; i < 10; ++i) ::kill(target.pid(), SIGUSR1);
    });
  });
  Forked parent([&] { do_evenly(lives, seconds, live_shortly); });
  const Cpu cpu = watch(recorder.pid(), seconds);
  sender.wait();
  parent.wait();
  const double load_mib = peak_mib_of(recorder.pid());
  Forked burst([&] {
    for (int i = 0; i < kBurst; ++i) ::kill(target.pid(), SIGUSR1);
  });
  burst.wait();
  const Cpu after = watch(recorder.pid(), kIntervalSeconds);
  const double burst_mib = peak_mib_of(recorder.pid());
  ::kill(recorder.pid(), SIGTERM);
  recorder.wait();

  SQLite::Database database(path, SQLite::OPEN_READONLY);
  const auto sent_by = [&](pid_t pid) {
    return number(database, fmt::format("SELECT count(*) FROM signal_event WHERE sender_pid = {} AND target_pid = {}",
                                        pid, target.pid()));
  };
  const std::int64_t lost = number(database, "SELECT coalesce(sum(lost_count), 0) FROM event_loss");
  const std::int64_t told =
      number(database, "SELECT coalesce(sum(CAST(detail AS INTEGER)), 0) FROM gaps WHERE kind = 'events_lost'");
  const std::string load = fmt::format("{} processes, {} sockets, {} signals a second and {} lives a minute for {} s",
                                       number(database, "SELECT max(process_count) FROM tick"), Holders::kSockets,
                                       kSignalsASecond, kLivesAMinute, seconds);
  fmt::print("| {} | | | | | |\n", load);
  report("- signals", signals, sent_by(sender.pid()), lost);
  report("- short lives", lives,
         number(database, fmt::format("SELECT count(*) FROM process WHERE parent_pid = {}", parent.pid())), lost);
  report("- signals of a burst after it", kBurst, sent_by(burst.pid()), lost);
  print({"- losses in the gaps", fmt::format("{}", told), fmt::format("{} counted", lost),
         static_cast<double>(std::abs(told - lost)), 0.0, "all"});
  print({"- sockets seen",
         fmt::format("{}", number(database, "SELECT count(*) FROM port_binding")),
         fmt::format("{}", Holders::kSockets),
         {},
         {},
         ""});
  print_absolute("- most memory, the idle crowd", fmt::format("{:.1f} MiB", idle_mib), idle_mib, kMostMiB, "MiB");
  print_absolute("- most memory, under the load", fmt::format("{:.1f} MiB", load_mib), load_mib, kMostMiB, "MiB");
  print_absolute("- most memory, after the burst", fmt::format("{:.1f} MiB", burst_mib), burst_mib, kMostMiB, "MiB");
  const int longest = std::max(cpu.longest_full, after.longest_full);
  print_absolute("- seconds in a row in which it fills a CPU", fmt::format("{}", longest), longest, kIntervalSeconds,
                 "s");
  fmt::print("| - its CPU in the worst second | {:.2f} s | {:.2f} s a second | | | |\n",
             std::max(cpu.worst, after.worst), cpu.sum / std::max(1, cpu.seconds));
  fmt::print("| - late ticks | {} of {} | | | | |\n",
             number(database, "SELECT count(*) FROM tick WHERE late_us > 1000000"),
             number(database, "SELECT count(*) FROM tick"));
}

}  // namespace

}  // namespace galproc::bench

int main(int argc, char** argv) {
  const int seconds = argc == 3 ? std::atoi(argv[2]) : 0;
  if (seconds <= 0 || seconds > 600) {
    std::fputs("usage: load_bench GALPROC SECONDS (1 to 600)\n", stderr);
    return 2;
  }
  try {
    galproc::bench::run(argv[1], seconds);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "load_bench: %s\n", error.what());
    return 1;
  }
}
