// What it costs to know who holds which port, against the tools that tell it: 20 000 listeners of some processes, in a
// network namespace of their own. CPU time, that of the tools with their start.

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/holders.h"
#include "bench/report.h"
#include "platform/platform.h"

namespace galproc::bench {

namespace {

constexpr int kRounds = 11, kToolRounds = 3;

/// CPU time of the children that were waited for, milliseconds.
double children_ms() {
  rusage used{};
  ::getrusage(RUSAGE_CHILDREN, &used);
  const auto ms = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
  };
  return ms(used.ru_utime) + ms(used.ru_stime);
}

/// CPU milliseconds of a program whose output nobody wants; empty where it is not there.
std::optional<double> run_ms(std::vector<const char*> words) {
  const double before = children_ms();
  words.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    const int null = ::open("/dev/null", O_RDWR);
    ::dup2(null, 1);
    ::dup2(null, 2);
    ::execvp(words[0], const_cast<char* const*>(words.data()));
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) return std::nullopt;
  return children_ms() - before;
}

void compare(const Spread& own, const char* source, const char* name, std::vector<const char*> words, double limit) {
  std::vector<double> figures;
  for (int round = 0; round < kToolRounds; ++round) {
    const auto ms = run_ms(words);
    if (!ms) return print({fmt::format("against {}", name), "it is not installed", "", {}, {}, ""});
    figures.push_back(*ms);
  }
  const Spread tool = spread_of(figures);
  print({fmt::format("who holds which port, {} sockets, by {}", Holders::kSockets, source), in_ms(own),
         fmt::format("{} {}", name, in_ms(tool)), own.median / tool.median, limit, fmt::format("<= {:g}", limit)});
}

void run() {
  if (::unshare(CLONE_NEWNET) != 0) {
    return print({"who holds which port", "not measured: no network namespace of its own can be had", "", {}, {}, ""});
  }
  const Holders holders;
  for (const char* source : {"bpf", "proc"}) {
    const auto platform = make_platform();
    const ReadingSources sources = platform->choose_process_source(source);
    if (sources.processes.empty()) continue;
    std::vector<double> figures;
    std::size_t found = 0;
    for (int round = 0; round <= kRounds; ++round) {
      const ProcessPass processes = platform->read_processes();
      const double ms = cpu_ms_of([&] { found = platform->read_sockets(processes).sockets.size(); });
      if (round > 0) figures.push_back(ms);  // a recorder has its first look once
    }
    if (found != Holders::kSockets) throw std::runtime_error(fmt::format("{} sockets were found", found));
    const Spread own = spread_of(figures);
    compare(own, source, "ss -tulpn", {"ss", "-tulpn"}, 1.0 / 20);
    compare(own, source, "lsof -nP -i", {"lsof", "-nP", "-i"}, 1.0 / 40);
  }
}

}  // namespace

}  // namespace galproc::bench

int main() {
  try {
    galproc::bench::run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ports_bench: %s\n", error.what());
    return 1;
  }
}
