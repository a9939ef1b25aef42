#include "platform/linux/bpf_object.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "platform/linux/capabilities.h"
#include "platform/linux/errors.h"
#include "platform/linux/tracepoints.h"

// The object files, by the assembler: see scripts/bpf.cmake.
extern "C" const unsigned char galproc_tracepoints_begin[];
extern "C" const unsigned char galproc_tracepoints_end[];
extern "C" const unsigned char galproc_iterators_begin[];
extern "C" const unsigned char galproc_iterators_end[];

namespace galproc {

namespace {

thread_local std::string last_words;  // of libbpf, whose functions call from the thread that called them

int keep_words(libbpf_print_level level, const char* format, va_list arguments) {
  if (level != LIBBPF_WARN) return 0;
  char line[512];
  std::vsnprintf(line, sizeof line, format, arguments);
  last_words = line;
  while (!last_words.empty() && last_words.back() == '\n') last_words.pop_back();
  return 0;
}

/// Whether so many more files can be opened as the programs take. libbpf hides that under other errors: of a kernel
/// whose types it cannot open it says that there are none.
bool has_room_for_files() {
  constexpr std::size_t kTaken = 64;
  std::vector<Descriptor> files;
  while (files.size() < kTaken) {
    files.emplace_back(::open("/", O_PATH | O_CLOEXEC));
    if (!files.back()) return false;
  }
  return true;
}

}  // namespace

std::string reason_of(int error) {
  const bool may = has_capability(CAP_BPF) && has_capability(CAP_PERFMON);
  if ((error == EPERM || error == EACCES) && !may) {
    return "this user may not load BPF programs (run as root, or give galproc CAP_BPF and CAP_PERFMON)";
  }
  constexpr const char* kBtf = "/sys/kernel/btf/vmlinux";
  if ((error == ESRCH || error == ENOENT) && ::access(kBtf, F_OK) != 0) {
    return fmt::format("this kernel has no BTF ({})", kBtf);
  }
  if (error == EMFILE || error == ENFILE || !has_room_for_files()) {
    return error_text(error == ENFILE ? ENFILE : EMFILE) + " (raise ulimit -n)";
  }
  return fmt::format("the kernel refuses its programs: {} ({})", error_text(error), last_words);
}

BpfObject BpfObject::open(Which which, std::string& why_not) {
  libbpf_set_print(&keep_words);
  BpfObject object;
  const bool iterators = which == Which::Iterators;
  const unsigned char* begin = iterators ? galproc_iterators_begin : galproc_tracepoints_begin;
  const unsigned char* end = iterators ? galproc_iterators_end : galproc_tracepoints_end;
  bpf_object_open_opts options{};
  options.sz = sizeof options;
  options.object_name = iterators ? "galproc_iterators" : "galproc_events";  // else its address
  object.object_.reset(bpf_object__open_mem(begin, static_cast<std::size_t>(end - begin), &options));
  if (!object.object_) why_not = reason_of(errno);
  return object;
}

void BpfObject::want(const char* program, bool wanted) {
  if (bpf_program* found = bpf_object__find_program_by_name(get(), program)) bpf_program__set_autoload(found, wanted);
}

void BpfObject::want_only(std::string_view program) {
  bpf_program* each = nullptr;
  while ((each = bpf_object__next_program(get(), each)) != nullptr) {
    bpf_program__set_autoload(each, bpf_program__name(each) == program);
  }
}

void BpfObject::set(const void* settings, std::size_t bytes) {
  if (bpf_map* map = bpf_object__find_map_by_name(get(), ".rodata.settings")) {
    bpf_map__set_initial_value(map, settings, bytes);
  }
}

void BpfObject::set_ring_bytes(const char* map, std::size_t bytes) {
  if (bpf_map* found = bpf_object__find_map_by_name(get(), map)) {
    bpf_map__set_max_entries(found, static_cast<__u32>(bytes));
  }
}

bool BpfObject::load(std::string& why_not) {
  const int code = bpf_object__load(get());
  if (code != 0) why_not = reason_of(-code);
  return code == 0;
}

Descriptor BpfObject::duplicate_map(const char* map) const {
  const bpf_map* found = bpf_object__find_map_by_name(get(), map);
  return Descriptor(found ? ::fcntl(bpf_map__fd(found), F_DUPFD_CLOEXEC, 3) : -1);
}

Descriptor BpfObject::attach_iterator(const char* program, std::string& why_not) const {
  const bpf_program* found = bpf_object__find_program_by_name(get(), program);
  const BpfLink link(found ? bpf_program__attach_iter(found, nullptr) : nullptr);
  if (!link) why_not = reason_of(errno);
  return Descriptor(link ? ::fcntl(bpf_link__fd(link.get()), F_DUPFD_CLOEXEC, 3) : -1);
}

std::vector<BpfLink> attach_all(const BpfObject& object, std::string& why_not, std::vector<std::string>& limits) {
  std::vector<BpfLink> links;
  TracepointIds ids;
  std::string missing;
  bpf_program* program = nullptr;
  while ((program = bpf_object__next_program(object.get(), program)) != nullptr) {
    if (!bpf_program__autoload(program)) continue;
    constexpr std::string_view kCall = "tp/syscalls/";
    const std::string_view section = bpf_program__section_name(program);
    BpfLink link;
    if (section.starts_with(kCall)) {
      std::string why;
      link.reset(ids.attach(program, std::string(section.substr(kCall.size())), why));
      if (!link) missing = why;
    } else {
      link.reset(bpf_program__attach(program));
      if (!link) {
        why_not = reason_of(errno);
        return {};
      }
    }
    if (link) links.push_back(std::move(link));
  }
  if (!missing.empty()) limits.push_back("Signals that could not be sent are not seen: " + missing + ".");
  return links;
}

}  // namespace galproc
