#include "model/signals.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace galproc {

namespace {

constexpr std::array kRequests{Signal::Terminate, Signal::Interrupt, Signal::Quit, Signal::Hangup, Signal::Kill};

constexpr std::array<const char*, 32> kNames{
    "SIG0",      "SIGHUP",  "SIGINT",    "SIGQUIT", "SIGILL",   "SIGTRAP", "SIGABRT", "SIGBUS",
    "SIGFPE",    "SIGKILL", "SIGUSR1",   "SIGSEGV", "SIGUSR2",  "SIGPIPE", "SIGALRM", "SIGTERM",
    "SIGSTKFLT", "SIGCHLD", "SIGCONT",   "SIGSTOP", "SIGTSTP",  "SIGTTIN", "SIGTTOU", "SIGURG",
    "SIGXCPU",   "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO",   "SIGPWR",  "SIGSYS"};

}  // namespace

std::optional<Signal> parse_signal(std::string_view text) {
  std::string upper(text);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::toupper(letter)); });
  for (const Signal signal : kRequests) {
    const std::string name = to_text(signal);
    if (upper == name || upper == name.substr(3) || upper == std::to_string(static_cast<int>(signal))) return signal;
  }
  return std::nullopt;
}

const char* to_text(Signal signal) {
  switch (signal) {
    case Signal::Probe: return "";
    case Signal::Hangup: return "SIGHUP";
    case Signal::Interrupt: return "SIGINT";
    case Signal::Quit: return "SIGQUIT";
    case Signal::Kill: return "SIGKILL";
    case Signal::Terminate: return "SIGTERM";
    case Signal::Stop: return "SIGSTOP";
    case Signal::Continue: return "SIGCONT";
  }
  return "";
}

std::string signal_name(std::int64_t number) {
  return number > 0 && number < static_cast<std::int64_t>(kNames.size()) ? kNames[static_cast<std::size_t>(number)]
                                                                         : "SIG" + std::to_string(number);
}

}  // namespace galproc
