#pragma once

// What the tests of the reader of processes need: a folder of links to a few real processes in place of /proc.

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <string>

#include "model/reading.h"
#include "support/sockets.h"
#include "support/temporary_folder.h"

namespace galproc {

inline const ProcessReading* find(const ProcessPass& pass, std::int64_t pid) {
  const auto found = std::find_if(pass.processes.begin(), pass.processes.end(),
                                  [&](const ProcessReading& process) { return process.key.pid == pid; });
  return found == pass.processes.end() ? nullptr : &*found;
}

/// A child that burns 50 ms of CPU each time it is told to, says so, and waits.
inline void burn_when_told(int wire) {
  while (!hear(wire).empty()) {
    const std::clock_t end = std::clock() + CLOCKS_PER_SEC / 20;
    while (std::clock() < end) continue;
    say(wire, "done");
  }
}

inline std::int64_t cpu_us(const ProcessUsage& usage) {
  return usage.cpu_user_us + usage.cpu_system_us;
}

class LinkedProc {
 public:
  void add(std::int64_t pid) const {
    std::filesystem::create_directory_symlink("/proc/" + std::to_string(pid), folder_ / std::to_string(pid));
  }
  /// From now on a new reader trusts the CPU clocks of the pids that are linked.
  void add_self() const { std::filesystem::create_directory_symlink("/proc/self", folder_ / "self"); }
  void remove(std::int64_t pid) const { std::filesystem::remove(folder_ / std::to_string(pid)); }
  std::string path() const { return folder_.path().string(); }

 private:
  TemporaryFolder folder_;
};

inline std::size_t open_files() {
  const std::filesystem::directory_iterator files("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

}  // namespace galproc
