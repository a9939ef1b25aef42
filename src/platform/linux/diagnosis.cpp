// What galproc can see here, found by trying.

#include "platform/linux/diagnosis.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdint>
#include <string_view>

#include "platform/linux/capabilities.h"
#include "platform/linux/errors.h"
#include "platform/linux/tracefs.h"
#include "platform/posix/descriptor.h"

namespace galproc {

namespace {

struct Capability {
  int number;
  const char* name;
  const char* gives;
};
constexpr Capability kCapabilities[] = {
    {39, "CAP_BPF", "events and signals"},
    {38, "CAP_PERFMON", "events and signals"},
    {2, "CAP_DAC_READ_SEARCH", "signals that could not be sent, I/O and ports of other users' processes"},
    {19, "CAP_SYS_PTRACE", "executables, folders, I/O and ports of other users' processes"},
    {5, "CAP_KILL", "ending other users' processes"},
};

Finding kernel() {
  utsname names{};
  ::uname(&names);
  return {"kernel", Finding::State::Ok, fmt::format("{} {} {}", names.sysname, names.release, names.machine), ""};
}

Finding capabilities() {
  const std::uint64_t held = effective_capabilities();
  std::string missing, there;
  for (const Capability& capability : kCapabilities) {
    const bool has = (held >> capability.number & 1) != 0;
    std::string& list = has ? there : missing;
    list += fmt::format("{}{}", list.empty() ? "" : ", ", capability.name);
    if (!has) list += fmt::format(" ({})", capability.gives);
  }
  if (missing.empty()) return {"capabilities", Finding::State::Ok, there, ""};
  return {"capabilities", Finding::State::Warning, "missing: " + missing,
          "Run as root, or give them to a copy of galproc: setcap "
          "cap_bpf,cap_perfmon,cap_dac_read_search,cap_sys_ptrace,cap_kill+ep FILE."};
}

Finding btf() {
  constexpr const char* kPath = "/sys/kernel/btf/vmlinux";
  if (::access(kPath, R_OK) == 0) return {"btf", Finding::State::Ok, kPath, ""};
  return {"btf", Finding::State::Warning, fmt::format("{}: {}", kPath, error_text(errno)),
          "BPF programs need a kernel that was built with CONFIG_DEBUG_INFO_BTF."};
}

Finding tracefs() {
  const Tracefs opened = open_tracefs();
  if (!opened.folder) {
    return {"tracefs", Finding::State::Warning, opened.why_not,
            "Signals that could not be sent are not seen without it."};
  }
  if (opened.place.empty()) {
    return {"tracefs", Finding::State::Ok, "one of galproc's own, which is mounted nowhere", ""};
  }
  struct stat status {};
  if (::fstatat(opened.folder.get(), "events", &status, 0) == 0) {
    return {"tracefs", Finding::State::Ok, opened.place, ""};
  }
  return {"tracefs", Finding::State::Warning, fmt::format("{}: {}", opened.place, error_text(errno)),
          "Signals that could not be sent are not seen without it: run as root, or with CAP_DAC_READ_SEARCH."};
}

/// `why_not`: the better ones are not had.
Finding working_source(const EventSource& source, const std::string& why_not) {
  std::string limits;
  for (const std::string& limit : source.limits()) limits += " " + limit;
  if (!why_not.empty()) limits += " " + why_not + ".";
  return {"events", limits.empty() ? Finding::State::Ok : Finding::State::Warning, source.name() + "." + limits, ""};
}

Finding event_source(const std::vector<TriedEvents>& tried) {
  std::string why_not;
  for (const TriedEvents& source : tried) {
    if (source.events.source) return working_source(*source.events.source, why_not);
    why_not += fmt::format("{}{}: {}", why_not.empty() ? "" : "; ", source.name, source.events.why_not);
  }
  return {"events", Finding::State::Warning, "none. " + why_not + ".",
          "Without them short lives and who sent a signal are not seen."};
}

/// A source that is in use, and why the better one is not, where it is not.
std::string in_use(const std::string& source, const std::string& why_not_bpf) {
  return source + (why_not_bpf.empty() ? "" : ", not bpf: " + why_not_bpf) + ".";
}

Finding process_table(const ReadingSources& readings) {
  const std::string source = in_use(readings.processes, readings.why_not_processes);
  const Descriptor init(::open("/proc/1/stat", O_RDONLY | O_CLOEXEC));
  if (!init) {
    return {"processes", Finding::State::Warning, source + " Pid 1 cannot be read: " + error_text(errno),
            "/proc is mounted with hidepid, or not at all: run as root, or in the group of its gid= option."};
  }
  if (readings.why_not_processes.empty()) return {"processes", Finding::State::Ok, source, ""};
  return {"processes", Finding::State::Warning, source, "Those of all users are listed, but a look costs more."};
}

Finding sockets(const ReadingSources& readings) {
  const std::string& why_not =
      readings.why_not_processes.empty() ? readings.why_not_sockets : readings.why_not_processes;
  return {"sockets", why_not.empty() ? Finding::State::Ok : Finding::State::Warning, in_use(readings.sockets, why_not),
          ""};
}

Finding pid_namespace() {
  constexpr std::string_view kInitial = "pid:[4026531836]";
  char link[64] = {};
  const ssize_t size = ::readlink("/proc/self/ns/pid", link, sizeof link - 1);
  if (size > 0 && std::string_view(link) == kInitial) {
    return {"pid_namespace", Finding::State::Ok, "the machine's own", ""};
  }
  return {"pid_namespace", Finding::State::Warning, "a container's: processes outside of it are not seen.",
          "Record on the machine itself to see all of it."};
}

}  // namespace

std::vector<Finding> diagnose_linux(const std::vector<TriedEvents>& events, const ReadingSources& readings) {
  return {kernel(),          capabilities(), btf(), tracefs(), event_source(events), process_table(readings),
          sockets(readings), pid_namespace()};
}

}  // namespace galproc
