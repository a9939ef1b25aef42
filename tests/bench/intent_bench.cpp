// How long a kill waits for its intent to be on the disk, beside a recorder that commits 20 times a second. Wall time:
// that is what the one who waits feels. Beside it what the disk takes for as little: one page written and synced.

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "bench/report.h"
#include "store/action_log.h"
#include "support/temporary_folder.h"

namespace galproc::bench {

namespace {

constexpr int kIntents = 200;

double wall_ms() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

template <typename Work>
Spread repeat(const Work& work) {
  std::vector<double> figures;
  for (int i = 0; i < kIntents; ++i) {
    ::usleep(7'000);  // out of step with the recorder
    const double before = wall_ms();
    work();
    figures.push_back(wall_ms() - before);
  }
  return spread_of(figures);
}

pid_t start_recorder(const char* galproc, const std::string& path) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::execl(galproc, galproc, "record", "-q", "--db", path.c_str(), "--interval", "50ms", nullptr);
    ::_exit(127);
  }
  return pid;
}

void run(const char* galproc) {
  const TemporaryFolder folder;
  const std::string path = (folder / "galproc.db").string();
  const pid_t recorder = start_recorder(galproc, path);
  ::usleep(1'000'000);
  const Redactor redactor;
  ActionLog log(path, redactor);
  HostReading host;
  host.boot_uuid = host.host_name = host.system = "bench";
  const Spread intent = repeat([&] {
    log.commit([&](ActionWriter& writer) {
      ActionEntry action;
      action.verb = "kill";
      action.boot_id = writer.processes().boot_id_of(host);
      action.caller.name = "bench";
      AttemptEntry attempt;
      attempt.action_id = writer.add_action(action);
      attempt.boot_id = action.boot_id;
      attempt.target = {4711, 1};
      attempt.method = "polite";
      attempt.signal = 15;
      attempt.why = "pid";
      writer.add_attempt(attempt);
    });
  });
  ::kill(recorder, SIGTERM);
  ::waitpid(recorder, nullptr, 0);

  const int file = ::open((folder / "page").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  const std::array<char, 4096> page{};
  const Spread bare = repeat([&] {
    if (::pwrite(file, page.data(), page.size(), 0) < 0 || ::fdatasync(file) != 0) std::abort();
  });
  ::close(file);
  print({"from call to durable intent, beside a recorder of 50 ms",
         in_ms(intent),
         "a page written and synced: " + in_ms(bare),
         intent.median / bare.median,
         {},
         ""});
  print_absolute("- the same against its target, wall time", in_ms(intent), intent.median, 3, "ms");
}

}  // namespace

}  // namespace galproc::bench

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: intent_bench GALPROC\n", stderr);
    return 2;
  }
  galproc::bench::run(argv[1]);
}
