#include "platform/linux/proc_text.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace galproc {

namespace {

/// Walks the blank-separated numbers of a line.
class NumberScanner {
 public:
  explicit NumberScanner(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  template <typename T>
  bool next(T& value) {
    skip_blanks();
    const auto [rest, error] = std::from_chars(at_, end_, value);
    if (error != std::errc()) return false;
    at_ = rest;
    return true;
  }
  bool skip(int fields) {
    for (; fields > 0; --fields) {
      skip_blanks();
      if (at_ == end_) return false;
      while (at_ != end_ && *at_ != ' ' && *at_ != '\t' && *at_ != '\n') ++at_;
    }
    return true;
  }

 private:
  void skip_blanks() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\t')) ++at_;
  }
  const char* at_;
  const char* end_;
};

/// Calls `use(line)` for each line until it gives false.
template <typename Use>
void each_line(std::string_view text, Use use) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (!use(text.substr(0, end))) return;
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

std::optional<std::int64_t> number_after(std::string_view line, std::string_view label, int skipped_fields = 0) {
  if (!line.starts_with(label)) return std::nullopt;
  NumberScanner scan(line.substr(label.size()));
  std::int64_t value = 0;
  if (!scan.skip(skipped_fields) || !scan.next(value)) return std::nullopt;
  return value;
}

/// What any sum or product of readers has room for: seven digits for a unit, and two such numbers. In clock ticks some
/// hundred years, in pages more than there is of memory.
bool is_credible(std::int64_t number) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 20'000'000;
  return number >= -kMost && number <= kMost;
}

std::string_view base_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace

std::optional<StatLine> parse_stat(std::string_view text) {
  const std::size_t open = text.find('(');
  const std::size_t close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return std::nullopt;
  StatLine line;
  if (!NumberScanner(text.substr(0, open)).next(line.pid)) return std::nullopt;
  line.comm = text.substr(open + 1, close - open - 1);
  const std::string_view rest = text.substr(close + 1);
  if (rest.size() < 3) return std::nullopt;
  line.state = rest[1];

  NumberScanner scan(rest.substr(2));
  const bool complete = scan.next(line.parent_pid) && scan.next(line.process_group) && scan.next(line.session) &&
                        scan.next(line.terminal) && scan.skip(1) && scan.next(line.flags) && scan.skip(4) &&
                        scan.next(line.user_ticks) && scan.next(line.system_ticks) && scan.skip(4) &&
                        scan.next(line.thread_count) && scan.skip(1) && scan.next(line.start_ticks) && scan.skip(1) &&
                        scan.next(line.resident_pages) && scan.skip(1) && scan.next(line.start_code) && scan.skip(1) &&
                        scan.next(line.start_stack);
  if (!complete) return std::nullopt;
  for (const std::int64_t number : {line.user_ticks, line.system_ticks, line.start_ticks, line.resident_pages}) {
    if (!is_credible(number)) return std::nullopt;
  }
  // Fields 48 and 52 came with Linux 3.5; a line without them is still whole.
  if (scan.skip(19) && scan.next(line.argument_start)) {
    if (scan.skip(3)) scan.next(line.wait_status);
  }
  return line;
}

ProcessState state_from_letter(char letter) {
  switch (letter) {
    case 'R': return ProcessState::Running;
    case 'D': return ProcessState::DiskSleep;
    case 'T': return ProcessState::Stopped;
    case 't': return ProcessState::Traced;
    case 'Z':
    case 'X': return ProcessState::Zombie;
    case 'I': return ProcessState::Idle;
    default: return ProcessState::Sleeping;  // S, and P, W, K of kernels long gone
  }
}

std::vector<std::string> split_arguments(std::string_view text) {
  std::vector<std::string> arguments;
  while (!text.empty()) {
    const std::size_t end = text.find('\0');
    arguments.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return arguments;
}

std::optional<std::string> parse_cgroup(std::string_view text) {
  std::optional<std::string> unified, systemd, pids;
  each_line(text, [&](std::string_view line) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) return true;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const std::string path(line.substr(second + 1));
    if (controllers.empty()) unified = path;
    if (controllers == "name=systemd") systemd = path;
    if (controllers == "pids") pids = path;
    return true;
  });
  for (const auto& path : {unified, systemd, pids}) {
    if (path && *path != "/") return path;
  }
  return unified ? unified : systemd ? systemd : pids;
}

std::optional<std::int64_t> parse_resident_pages(std::string_view text) {
  const auto pages = number_after(text, "", 1);
  return pages && is_credible(*pages) ? pages : std::nullopt;
}

std::optional<IoCounters> parse_io(std::string_view text) {
  std::optional<std::int64_t> read_bytes, written_bytes;
  each_line(text, [&](std::string_view line) {
    if (!read_bytes) read_bytes = number_after(line, "read_bytes:");
    if (!written_bytes) written_bytes = number_after(line, "write_bytes:");
    return true;
  });
  if (!read_bytes || !written_bytes) return std::nullopt;
  return IoCounters{*read_bytes, *written_bytes};
}

StatusFields parse_status(std::string_view text) {
  StatusFields fields;
  each_line(text, [&](std::string_view line) {
    if (const auto process = number_after(line, "Tgid:")) fields.process = process;
    if (const auto uid = number_after(line, "Uid:", 1)) fields.effective_uid = uid;
    const auto kib = number_after(line, "VmHWM:");
    if (kib && is_credible(*kib)) fields.peak_resident_bytes = *kib * 1024;
    return !(fields.effective_uid && fields.peak_resident_bytes);
  });
  return fields;
}

std::optional<std::string> find_variable(std::string_view environment, std::string_view name) {
  while (!environment.empty()) {
    const std::size_t end = environment.find('\0');
    const std::string_view entry = environment.substr(0, end);
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') {
      return std::string(entry.substr(name.size() + 1));
    }
    if (end == std::string_view::npos) break;
    environment.remove_prefix(end + 1);
  }
  return std::nullopt;
}

std::string complete_name(const std::string& comm, const std::optional<std::string>& executable,
                          const std::optional<std::vector<std::string>>& arguments) {
  constexpr std::size_t kKernelLimit = 15;
  if (comm.size() != kKernelLimit) return comm;
  std::vector<std::string_view> candidates;
  if (executable) candidates.push_back(base_name(*executable));
  if (arguments) {
    for (std::size_t i = 0; i < std::min<std::size_t>(2, arguments->size()); ++i) {
      candidates.push_back(base_name((*arguments)[i]));
    }
  }
  for (std::string_view candidate : candidates) {
    // The kernel marks the executable of a file that was replaced or removed since.
    constexpr std::string_view kDeleted = " (deleted)";
    if (candidate.ends_with(kDeleted)) candidate.remove_suffix(kDeleted.size());
    if (candidate.starts_with(comm)) return std::string(candidate);
  }
  return comm;
}

std::int64_t parse_time_namespace_offset_ns(std::string_view text, std::string_view clock) {
  std::int64_t offset_ns = 0;
  each_line(text, [&](std::string_view line) {
    if (!line.starts_with(clock)) return true;
    NumberScanner scan(line.substr(clock.size()));
    std::int64_t seconds = 0, nanoseconds = 0, whole_ns = 0, sum_ns = 0;
    const bool fits = scan.next(seconds) && scan.next(nanoseconds) &&
                      !__builtin_mul_overflow(seconds, std::int64_t{1'000'000'000}, &whole_ns) &&
                      !__builtin_add_overflow(whole_ns, nanoseconds, &sum_ns);
    if (fits) offset_ns = sum_ns;
    return false;
  });
  return offset_ns;
}

}  // namespace galproc
