#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "model/reading.h"
#include "platform/linux/turns.h"

namespace galproc {

/// Who holds which port: listeners and bound sockets from the kernel's socket diagnosis (sock_diag(7)), their holders
/// from the links below /proc/PID/fd. Following the links is dear (3 us each), so the sockets of a process are
/// remembered and looked up again only when they may have changed.
class SocketReader {
 public:
  /// `boottime_offset_ticks` is what this process's time namespace adds to the start times that the kernel shows, in
  /// clock ticks: ProcessKey has it taken off.
  explicit SocketReader(const std::filesystem::path& proc_root = "/proc", std::int64_t boottime_offset_ticks = 0);
  ~SocketReader();
  SocketReader(SocketReader&&) noexcept;
  SocketReader& operator=(SocketReader&&) noexcept;

  /// TCP listeners and UDP sockets that are bound but not connected, of this process's network namespace, by protocol,
  /// port and address. Sockets with the same three (SO_REUSEPORT, or one address on several interfaces) are one row
  /// with the holders of all, by pid.
  ///
  /// REQUIRES: each pass of one process reader is given, once and in order: `ran` says only what was since the last.
  ///
  /// Looked into are processes that are new, ran or changed their image, all of them when a socket has no known holder
  /// and was not looked for before, and in each pass a share of the idle ones. So what slips past `ran` (without CPU
  /// clocks, a run of less than a clock tick in which a socket that someone else holds too came or went) is seen within
  /// 120 passes. One that keeps running is looked into every N / 64 passes when it has N > 64 descriptors, and every 8
  /// when it was in vain 4 times: unless a holder is missing, all that may come late is that it has, or has no more, a
  /// socket that someone else holds too. Where passes are more than ten seconds apart by the boot clock, `boot_us`,
  /// each of these is so many times ten seconds instead, and so for everybody in each pass where they are far apart. A
  /// thread that gave up sharing its process's descriptors (unshare(2)) is not looked into.
  ///
  /// Errors are data. Denied ones are counted for every process whose sockets are unknown, looked into or not, so that
  /// the figure is the same from pass to pass. What failed for a passing reason (no descriptors left) keeps the last
  /// known state, be it of a process or a whole dump. Throws PlatformError where the kernel refuses all dumps.
  SocketPass read(const ProcessPass& processes, std::int64_t boot_us = boot_clock_us());

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace galproc
