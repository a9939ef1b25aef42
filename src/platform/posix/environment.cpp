#include "platform/environment.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <iterator>

#include "platform/posix/stop.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define GALPROC_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define GALPROC_SANITIZED
#endif
#endif

namespace galproc {

namespace {

std::filesystem::path below_home(const char* xdg_variable, const char* fallback) {
  if (const auto folder = environment_variable(xdg_variable)) return *folder;
  if (const auto home = environment_variable("HOME")) return std::filesystem::path(*home) / fallback;
  return {};
}

}  // namespace

void ensure_standard_streams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    // open gives the lowest free number, which is this one.
    if (::fcntl(fd, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) != fd) return;
  }
}

bool is_administrator() {
  return ::geteuid() == 0;
}

StandardPaths standard_paths() {
  StandardPaths paths;
  paths.system_database = "/var/lib/galproc/galproc.db";
  paths.system_config = "/etc/galproc/config.toml";
  if (const auto state = below_home("XDG_STATE_HOME", ".local/state"); !state.empty()) {
    paths.user_database = state / "galproc" / "galproc.db";
  }
  if (const auto config = below_home("XDG_CONFIG_HOME", ".config"); !config.empty()) {
    paths.user_config = config / "galproc" / "config.toml";
  }
  return paths;
}

bool is_readable(const std::filesystem::path& file) {
  return ::access(file.c_str(), R_OK) == 0;
}

std::vector<std::string> environment_variables() {
  std::vector<std::string> variables;
  for (char** variable = environ; variable && *variable; ++variable) variables.emplace_back(*variable);
  return variables;
}

Terminal stdout_terminal() {
  Terminal terminal;
  terminal.attached = ::isatty(STDOUT_FILENO) == 1;
  winsize size{};
  if (terminal.attached && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) {
    terminal.columns = size.ws_col;
    terminal.rows = size.ws_row;
  }
  if (const auto columns = environment_variable("COLUMNS"); terminal.attached && terminal.columns == 0 && columns) {
    terminal.columns = std::atoi(columns->c_str());
  }
  return terminal;
}

bool show_through(const std::string& command, const std::string& text) {
  // Whoever leaves before the end has seen enough. Ctrl-C is the pager's, which may look for something.
  constexpr int kPagers[] = {SIGPIPE, SIGINT, SIGQUIT};
  std::array<void (*)(int), std::size(kPagers)> before{};
  for (std::size_t i = 0; i < before.size(); ++i) before[i] = ::signal(kPagers[i], SIG_IGN);
  // Who may ask as somebody else may not run programs as that one.
  FILE* pipe = ::popen(("LESSSECURE=1; export LESSSECURE; " + command).c_str(), "w");
  int status = -1;
  if (pipe != nullptr) {
    std::fwrite(text.data(), 1, text.size(), pipe);
    status = ::pclose(pipe);
  }
  for (std::size_t i = 0; i < before.size(); ++i) ::signal(kPagers[i], before[i]);
  return pipe != nullptr && (status == 0 || WIFSIGNALED(status));
}

bool is_output_abandoned() {
  pollfd output{STDOUT_FILENO, POLLOUT, 0};
  return ::poll(&output, 1, 0) == 1 && (output.revents & (POLLERR | POLLHUP)) != 0;
}

OwnMemoryLimit::OwnMemoryLimit() {
#ifndef GALPROC_SANITIZED
  const auto half = static_cast<rlim_t>(::sysconf(_SC_PHYS_PAGES)) / 2 * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE));
  rlimit limit{};
  // Not the address space: a map of a large file takes no memory.
  if (::getrlimit(RLIMIT_DATA, &limit) != 0 || limit.rlim_cur <= half) return;
  before_ = limit.rlim_cur;
  limit.rlim_cur = half;
  ::setrlimit(RLIMIT_DATA, &limit);
#endif
}

OwnMemoryLimit::~OwnMemoryLimit() {
  rlimit limit{};
  if (!before_ || ::getrlimit(RLIMIT_DATA, &limit) != 0) return;
  limit.rlim_cur = *before_;
  ::setrlimit(RLIMIT_DATA, &limit);
}

bool is_interactive() {
  return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1;
}

std::optional<std::string> read_line() {
  // A reading that a stop request interrupts begins again by itself, so it begins only when there is something. Byte by
  // byte, since one more could wait for ever.
  std::array<pollfd, 2> watched{pollfd{STDIN_FILENO, POLLIN, 0}, pollfd{stop_descriptor(), POLLIN, 0}};
  for (std::string line;;) {
    if (::poll(watched.data(), watched.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return std::nullopt;
    }
    char letter = 0;
    if (watched[1].revents != 0 || ::read(STDIN_FILENO, &letter, 1) != 1) return std::nullopt;
    if (letter == '\n') return line;
    line += letter;
  }
}

std::optional<std::string> environment_variable(const char* name) {
  const char* value = std::getenv(name);
  return value && *value ? std::optional<std::string>(value) : std::nullopt;
}

}  // namespace galproc
