#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace galproc {

/// What galproc sends to a process. Terminate, Interrupt, Quit and Hangup are requests that a process may refuse; Kill
/// is not; Stop and Continue freeze and thaw it; Probe reaches nobody, and fails as any other would. The numbers are
/// POSIX's own where it gives one; what else a system counts is its platform folder's business.
enum class Signal {
  Probe = 0,
  Hangup = 1,
  Interrupt = 2,
  Quit = 3,
  Kill = 9,
  Terminate = 15,
  Stop = 100,
  Continue = 101
};

/// A request by name, with or without SIG in any case, or by number: "TERM", "sigterm", "15". Empty for anything but
/// TERM, INT, QUIT, HUP and KILL.
std::optional<Signal> parse_signal(std::string_view text);

/// "SIGTERM".
const char* to_text(Signal signal);

/// The name of a Linux signal number as /usr/include/asm-generic/signal.h counts, "SIG64" for one without a name.
std::string signal_name(std::int64_t number);

}  // namespace galproc
