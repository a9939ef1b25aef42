#pragma once

// Who runs galproc, where, and on what kind of terminal.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace galproc {

/// Opens the null device for each of stdin, stdout and stderr that is closed: the next file to be opened would take its
/// number, and what is said for people would be written into it. To be called first of all.
void ensure_standard_streams();

/// True for root (POSIX) or a member of Administrators with an elevated token (Windows).
bool is_administrator();

/// Where things stand on this system when nobody says otherwise.
struct StandardPaths {
  std::filesystem::path system_database;
  std::filesystem::path user_database;  ///< empty where this user has no home
  std::filesystem::path system_config;
  std::filesystem::path user_config;  ///< likewise
};
StandardPaths standard_paths();

/// A file that this user may read.
bool is_readable(const std::filesystem::path& file);

struct Terminal {
  bool attached = false;  ///< false: a pipe or a file
  int columns = 0;        ///< 0: not known
  int rows = 0;           ///< likewise
};
Terminal stdout_terminal();

/// Gives the text to a command of the shell, whose output is ours, and waits until whoever reads has had enough. False
/// where it could not be started: then nothing was shown.
bool show_through(const std::string& command, const std::string& text);

/// Stdout is a pipe or the like whose other end is closed. Asked of the system: what errno said when the writing failed
/// is overwritten soon.
bool is_output_abandoned();

/// As long as it lives, holds this process to half of the machine's memory: what asks for more fails, where the system
/// would end whatever it likes. A lower limit that there is already stays. Does nothing where the system has none, and
/// under a sanitizer, which takes more than there is.
class OwnMemoryLimit {
 public:
  OwnMemoryLimit();
  ~OwnMemoryLimit();
  OwnMemoryLimit(const OwnMemoryLimit&) = delete;
  OwnMemoryLimit& operator=(const OwnMemoryLimit&) = delete;

 private:
  std::optional<std::uint64_t> before_;
};

/// A person sits there: stdin and stderr are terminals.
bool is_interactive();

/// A line of stdin, without its end. Empty: stdin ended before the line did, or a stop was asked for, which is heard
/// from Platform::catch_stop_requests on.
std::optional<std::string> read_line();

/// All environment variables: NAME=VALUE.
std::vector<std::string> environment_variables();

/// An environment variable; empty where it is not set or set to "".
std::optional<std::string> environment_variable(const char* name);

}  // namespace galproc
