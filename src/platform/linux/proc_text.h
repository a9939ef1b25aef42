#pragma once

// Parsing of the text below /proc/PID: pure, so that it is tested with made-up and hostile text everywhere.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/reading.h"

namespace galproc {

/// The fields of /proc/PID/stat that galproc uses, in their own units (proc_pid_stat(5), numbered from 1).
struct StatLine {
  std::int64_t pid = 0;              ///< field 1
  std::string comm;                  ///< field 2, without its parentheses; may hold any byte but NUL
  char state = '?';                  ///< field 3
  std::int64_t parent_pid = 0;       ///< field 4
  std::int64_t process_group = 0;    ///< field 5
  std::int64_t session = 0;          ///< field 6
  std::int64_t terminal = 0;         ///< field 7, device number; 0: none
  std::uint64_t flags = 0;           ///< field 9, PF_* bits
  std::int64_t user_ticks = 0;       ///< field 14
  std::int64_t system_ticks = 0;     ///< field 15
  std::int64_t thread_count = 0;     ///< field 20; a dead leader counts as long as it is not reaped
  std::int64_t start_ticks = 0;      ///< field 22, on the reader's boot clock
  std::int64_t resident_pages = 0;   ///< field 24, approximate since Linux 6.2
  std::uint64_t start_code = 0;      ///< field 26; this and the next two change at exec, 0 where they may not be read
  std::uint64_t start_stack = 0;     ///< field 28
  std::uint64_t argument_start = 0;  ///< field 48
  std::int64_t wait_status = 0;      ///< field 52; 0 where it may not be read
};

/// Empty where the text is not a whole line of that file, or tells of times and sizes that no machine reaches: who
/// reckons with them need not look whether they fit. The name may hold blanks, parentheses and newlines: its end is the
/// last ')' of the text.
std::optional<StatLine> parse_stat(std::string_view text);

ProcessState state_from_letter(char letter);

/// Splits /proc/PID/cmdline. Every NUL ends an argument; a last piece without one counts too.
std::vector<std::string> split_arguments(std::string_view text);

/// The most telling control group of /proc/PID/cgroup: the unified one unless that is the root of a hybrid set-up, then
/// that of systemd, then that of the pids controller. Empty for text that names none.
std::optional<std::string> parse_cgroup(std::string_view text);

/// The second number of /proc/PID/statm.
std::optional<std::int64_t> parse_resident_pages(std::string_view text);

struct IoCounters {
  std::int64_t read_bytes = 0;
  std::int64_t written_bytes = 0;
};
/// `read_bytes` and `write_bytes` of /proc/PID/io.
std::optional<IoCounters> parse_io(std::string_view text);

struct StatusFields {
  std::optional<std::int64_t> process;              ///< `Tgid:`, of a thread the process that it belongs to
  std::optional<std::int64_t> effective_uid;        ///< second number of `Uid:`
  std::optional<std::int64_t> peak_resident_bytes;  ///< `VmHWM:`
};
StatusFields parse_status(std::string_view text);

/// The value of one variable in the NUL-separated text of /proc/PID/environ.
std::optional<std::string> find_variable(std::string_view environment, std::string_view name);

/// The kernel keeps 15 bytes of a name. Gives the whole one from the executable or the first two arguments where one of
/// their base names begins with those 15 bytes, else `comm` itself.
std::string complete_name(const std::string& comm, const std::optional<std::string>& executable,
                          const std::optional<std::vector<std::string>>& arguments);

/// The offset of a clock ("boottime") in the text of /proc/self/timens_offsets, nanoseconds; 0 where it names none, or
/// one that does not fit.
std::int64_t parse_time_namespace_offset_ns(std::string_view text, std::string_view clock);

}  // namespace galproc
