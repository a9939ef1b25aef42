#include "platform/linux/capabilities.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <string>
#include <string_view>
#include <utility>

#include "platform/linux/proc_text.h"
#include "platform/posix/descriptor.h"

namespace galproc {

namespace {

using CapabilitySets = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

constexpr std::uint64_t bit(int number) {
  return std::uint64_t{1} << number;
}

int read_sets(CapabilitySets& sets) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  return ::syscall(SYS_capget, &header, sets.data()) == 0 ? 0 : errno;
}

int write_sets(const CapabilitySets& sets) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  return ::syscall(SYS_capset, &header, sets.data()) == 0 ? 0 : errno;
}

int set_effective(int number, bool on) {
  CapabilitySets sets{};
  if (const int error = read_sets(sets)) return error;
  const auto mask = static_cast<std::uint32_t>(bit(number % 32));
  auto& set = sets[static_cast<std::size_t>(number / 32)];
  set.effective = on ? set.effective | (mask & set.permitted) : set.effective & ~mask;
  return write_sets(sets);
}

/// The capabilities that writing to the file takes, making it anew and its -wal included.
std::uint64_t needed_to_write(const std::filesystem::path& database) {
  std::uint64_t needed = 0;
  struct stat file {};
  const std::filesystem::path folder = database.parent_path();
  const bool is_there = ::stat(database.c_str(), &file) == 0;
  if (is_there || ::stat(folder.c_str(), &file) == 0) {
    // SQLite and galproc give what they make to whom the database belongs.
    if (file.st_uid != ::geteuid() || file.st_gid != ::getegid()) needed |= bit(CAP_CHOWN);
  }
  const auto may_write = [](const std::filesystem::path& path) {
    return ::faccessat(AT_FDCWD, path.c_str(), R_OK | W_OK, AT_EACCESS) == 0;
  };
  if (set_effective(CAP_DAC_OVERRIDE, false) != 0) return needed | bit(CAP_DAC_OVERRIDE);
  if (!may_write(folder) || (is_there && !may_write(database))) needed |= bit(CAP_DAC_OVERRIDE);
  set_effective(CAP_DAC_OVERRIDE, true);
  return needed;
}

}  // namespace

std::uint64_t effective_capabilities() {
  constexpr std::string_view kKey = "CapEff:\t";
  constexpr std::size_t kMostBytes = 16384;
  const Descriptor file(::open("/proc/self/status", O_RDONLY | O_CLOEXEC));
  std::string text;
  if (!file || read_whole(file.get(), text, kMostBytes) != 0) return 0;
  const std::size_t at = text.find(kKey);
  std::uint64_t bits = 0;
  if (at != std::string::npos) {
    std::from_chars(text.data() + at + kKey.size(), text.data() + text.size(), bits, 16);
  }
  return bits;
}

bool has_capability(int number) {
  return (effective_capabilities() >> number & 1) != 0;
}

int keep_capabilities(std::uint64_t kept) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  CapabilitySets sets{};
  if (const int error = read_sets(sets)) return error;
  // Those that programs could gain, as far as there are any; it takes CAP_SETPCAP, and is done before that one goes.
  for (int number = 0; ::prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; ++number) {
    if ((kept & bit(number)) == 0) ::prctl(PR_CAPBSET_DROP, number, 0, 0, 0);
  }
  for (std::size_t i = 0; i < sets.size(); ++i) {
    const auto part = static_cast<std::uint32_t>(kept >> 32 * i);
    sets[i].permitted &= part;
    sets[i].effective &= part;
    sets[i].inheritable = 0;
  }
  return write_sets(sets);
}

int keep_what_recording_takes(const std::filesystem::path& database) {
  constexpr std::uint64_t kSources =
      bit(CAP_BPF) | bit(CAP_PERFMON) | bit(CAP_SYS_PTRACE) | bit(CAP_DAC_READ_SEARCH) | bit(CAP_NET_ADMIN);
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return errno;
  return keep_capabilities(kSources | needed_to_write(database));
}

}  // namespace galproc
