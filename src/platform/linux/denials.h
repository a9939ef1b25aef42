#pragma once

#include <array>
#include <bitset>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>

#include "platform/linux/errors.h"

namespace galproc {

/// What is read below /proc/PID, beside its stat.
enum class ProcessFile { Memory, Io, Status, Cgroup, Executable, WorkingDirectory, Arguments, Environment };

inline constexpr std::array kProcessFileNames{"statm", "io", "status", "cgroup", "exe", "cwd", "cmdline", "environ"};

constexpr const char* name_of(ProcessFile file) {
  return kProcessFileNames[static_cast<std::size_t>(file)];
}

/// The operation of a ReadError.
inline std::string reading_of(ProcessFile file) {
  return std::string("read ") + name_of(file);
}

/// Which files of one process were denied when they were last tried: still so while nobody tries again.
class Denials {
 public:
  /// How an attempt ended: 0 or errno. Gives whether that was a denial.
  bool note(ProcessFile file, int code) {
    const auto at = static_cast<std::size_t>(file);
    bits_[kAccess][at] = code == EACCES;
    bits_[kPermission][at] = code == EPERM;
    return code == EACCES || code == EPERM;
  }

  /// How many processes each file was denied of.
  class Counts {
   public:
    void add(const Denials& denials) {
      for (const std::size_t kind : {kAccess, kPermission}) {
        if (denials.bits_[kind].none()) continue;
        for (std::size_t file = 0; file < kFiles; ++file) counts_[kind][file] += denials.bits_[kind][file] ? 1 : 0;
      }
    }
    void add_to(ErrorCounter& errors) const {
      for (std::size_t file = 0; file < kFiles; ++file) {
        errors.add(reading_of(static_cast<ProcessFile>(file)), EACCES, counts_[kAccess][file]);
        errors.add(reading_of(static_cast<ProcessFile>(file)), EPERM, counts_[kPermission][file]);
      }
    }

   private:
    std::array<std::array<std::int64_t, kProcessFileNames.size()>, 2> counts_{};
  };

 private:
  static constexpr std::size_t kFiles = kProcessFileNames.size();
  static constexpr std::size_t kAccess = 0, kPermission = 1;

  std::array<std::bitset<kFiles>, 2> bits_;
};

}  // namespace galproc
