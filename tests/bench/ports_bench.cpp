// What it costs to know who holds which port, against the tools that tell it: 20 000 listeners of some processes, in a
// network namespace of their own. CPU time, that of the tools with their start.

#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/report.h"
#include "platform/platform.h"

namespace galproc::bench {

namespace {

constexpr int kHolders = 10, kSocketsEach = 2000, kFirstPort = 10'000;
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

bool listen_on(int port) {
  const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(static_cast<std::uint16_t>(port));
  return ::bind(made, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0 && ::listen(made, 8) == 0;
}

/// Processes that listen, each on ports of its own, and end with this object and with this process.
class Holders {
 public:
  Holders() {
    int told[2];
    if (::pipe2(told, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    const pid_t parent = ::getpid();
    for (int i = 0; i < kHolders; ++i) {
      pids_.push_back(::fork());
      if (pids_.back() == 0) live(parent, told[1], kFirstPort + i * kSocketsEach);
    }
    ::close(told[1]);
    char byte = 0;
    int ready = 0;
    while (::read(told[0], &byte, 1) == 1) ++ready;  // until all have closed their ends
    ::close(told[0]);
    if (ready != kHolders) throw std::runtime_error("the sockets cannot be had");
  }
  ~Holders() {
    for (const pid_t pid : pids_) ::kill(pid, SIGKILL);
    for (const pid_t pid : pids_) ::waitpid(pid, nullptr, 0);
  }
  Holders(const Holders&) = delete;
  Holders& operator=(const Holders&) = delete;

 private:
  [[noreturn]] static void live(pid_t parent, int told, int first_port) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(0);
    for (int i = 0; i < kSocketsEach; ++i) {
      if (!listen_on(first_port + i)) ::_exit(1);
    }
    if (::write(told, "r", 1) != 1) ::_exit(1);
    ::close(told);
    while (true) ::pause();
  }

  std::vector<pid_t> pids_;
};

void compare(const Spread& own, const char* source, const char* name, std::vector<const char*> words, double limit) {
  std::vector<double> figures;
  for (int round = 0; round < kToolRounds; ++round) {
    const auto ms = run_ms(words);
    if (!ms) return print({fmt::format("against {}", name), "it is not installed", "", {}, {}, ""});
    figures.push_back(*ms);
  }
  const Spread tool = spread_of(figures);
  print({fmt::format("who holds which port, {} sockets, by {}", kHolders * kSocketsEach, source), in_ms(own),
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
    if (found != kHolders * kSocketsEach) throw std::runtime_error(fmt::format("{} sockets were found", found));
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
