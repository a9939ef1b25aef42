#include "platform/posix/stop.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "model/errors.h"

namespace galproc {

namespace {

// A pipe, since a handler may do little else than write to one. It lives as long as the process: a signal may come at
// any time.
int stop_pipe[2] = {-1, -1};
volatile sig_atomic_t first_signal = 0;

constexpr int kStopSignals[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP};

class BlockedSignals : public HeldSignals {
 public:
  BlockedSignals() {
    sigset_t most;
    ::sigfillset(&most);
    for (const int signal_number : kStopSignals) ::sigdelset(&most, signal_number);
    // Of a fault: blocked, it would end this process at once.
    for (const int signal_number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT}) {
      ::sigdelset(&most, signal_number);
    }
    ::pthread_sigmask(SIG_BLOCK, &most, &before_);
  }
  ~BlockedSignals() override { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

extern "C" void on_stop_signal(int signal_number) {
  const int saved = errno;
  if (first_signal == 0) first_signal = signal_number;
  const char byte = 1;
  // A full pipe says the same already.
  [[maybe_unused]] const auto written = ::write(stop_pipe[1], &byte, 1);
  errno = saved;
}

}  // namespace

void catch_stop_signals() {
  if (stop_pipe[0] >= 0) return;
  if (::pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
    throw PlatformError("No pipe can be made to hear of stop requests; raise the limit of open files.", errno);
  }
  for (const int signal_number : kStopSignals) {
    struct sigaction before {};
    ::sigaction(signal_number, nullptr, &before);
    // Ignored by whoever started us: SIGHUP under nohup, SIGINT and SIGQUIT of a shell script's background job.
    if (signal_number != SIGTERM && before.sa_handler == SIG_IGN) continue;
    struct sigaction action {};
    action.sa_handler = on_stop_signal;
    ::sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    ::sigaction(signal_number, &action, nullptr);
  }
  // Nobody may be left to read what is said on stderr: no reason to stop recording.
  ::signal(SIGPIPE, SIG_IGN);
  // A file that may not grow any more (RLIMIT_FSIZE) is an error of that writing, which is told. To die of it could
  // leave processes stopped, or ended without a word in the log.
  ::signal(SIGXFSZ, SIG_IGN);
}

std::unique_ptr<HeldSignals> hold_all_signals() {
  return std::make_unique<BlockedSignals>();
}

int stop_descriptor() {
  return stop_pipe[0];
}

int stop_signal() {
  return first_signal;
}

}  // namespace galproc
