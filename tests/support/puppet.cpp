#include "support/puppet.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace galproc {

int port_of(int socket) {
  sockaddr_in6 name{};  // the port lies at the same place in both families
  socklen_t bytes = sizeof name;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&name), &bytes);
  return ntohs(name.sin6_port);
}

int bind_socket(int type, const std::string& address, int port) {
  const bool v6 = address.find(':') != std::string::npos;
  const int made = ::socket(v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0);
  if (made < 0) return -1;
  const int on = 1;
  ::setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in6 name6{};
  name6.sin6_family = AF_INET6;
  name6.sin6_port = htons(static_cast<std::uint16_t>(port));
  sockaddr_in name4{};
  name4.sin_family = AF_INET;
  name4.sin_port = name6.sin6_port;
  ::inet_pton(v6 ? AF_INET6 : AF_INET, address.c_str(), v6 ? static_cast<void*>(&name6.sin6_addr) : &name4.sin_addr);
  const auto* name = v6 ? reinterpret_cast<const sockaddr*>(&name6) : reinterpret_cast<const sockaddr*>(&name4);
  const bool bound =
      ::bind(made, name, v6 ? sizeof name6 : sizeof name4) == 0 && (type != SOCK_STREAM || ::listen(made, 8) == 0);
  if (bound) return made;
  const int code = errno;
  ::close(made);
  errno = code;
  return -1;
}

void die_with(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(0);
}

namespace {

/// fork() into a pid of one's choice. Only for a child that makes plain system calls: the C library does not know of
/// it.
pid_t fork_as(pid_t wanted) {
  clone_args how{};
  how.exit_signal = SIGCHLD;
  how.set_tid = reinterpret_cast<std::uintptr_t>(&wanted);
  how.set_tid_size = 1;
  const long pid = ::syscall(SYS_clone3, &how, sizeof how);
  return pid < 0 ? -errno : static_cast<pid_t>(pid);
}

int number(std::string_view word) {
  return std::atoi(std::string(word).c_str());
}

int open_port(int& socket, int type, std::string_view word) {
  const std::size_t blank = word.find(' ');
  socket = bind_socket(type, std::string(word.substr(blank + 1)), number(word));
  return socket < 0 ? -errno : port_of(socket);
}

int fork_one(std::vector<pid_t>& children, int wire, const std::function<void()>& life) {
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(wire);
    die_with(parent);
    life();
    ::_exit(0);
  }
  children.push_back(pid);
  return pid;
}

[[noreturn]] void die_of(int signal) {
  ::signal(signal, SIG_DFL);
  ::kill(::getpid(), signal);
  while (true) ::pause();
}

void end_all(std::vector<pid_t>& children) {
  for (const pid_t child : children) {
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  }
  children.clear();
}

void burn_cpu(int cpu_ms) {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  const std::int64_t end = now.tv_sec * 1000 + now.tv_nsec / 1'000'000 + cpu_ms;
  while (now.tv_sec * 1000 + now.tv_nsec / 1'000'000 < end) ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
}

/// An exec gives at least one argument, so this is the only way to have none: the arguments end where they begin.
int empty_command_line() {
  char text[8192] = "";
  const int file = ::open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  if (::read(file, text, sizeof text - 1) <= 0) return -EIO;
  ::close(file);
  std::vector<std::uint64_t> fields(3);  // number, name and state are no numbers
  char* at = std::strrchr(text, ')') + 4;
  while (fields.size() < 52) fields.push_back(std::strtoull(at, &at, 10));
  prctl_mm_map map{};
  map.start_code = fields[25];
  map.end_code = fields[26];
  map.start_stack = fields[27];
  map.start_data = fields[44];
  map.end_data = fields[45];
  map.start_brk = fields[46];
  map.brk = reinterpret_cast<std::uintptr_t>(::sbrk(0));
  map.arg_start = map.arg_end = fields[47];
  map.env_start = fields[49];
  map.env_end = fields[50];
  map.exe_fd = static_cast<std::uint32_t>(-1);
  return ::prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0) == 0 ? 0 : -errno;
}

int mount_tmpfs(std::string_view word) {
  const std::size_t blank = word.find(' ');
  const std::string options(word.substr(0, blank)), folder(word.substr(blank + 1));
  const bool mounted = ::unshare(CLONE_NEWNS) == 0 &&
                       ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                       ::mount("tmpfs", folder.c_str(), "tmpfs", 0, options.c_str()) == 0;
  return mounted ? 0 : -errno;
}

int change_user(uid_t uid) {
  if (::setgroups(0, nullptr) != 0 || ::setgid(uid) != 0 || ::setuid(uid) != 0) return -errno;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a change of user had switched it off
  return 0;
}

int exec_words(std::string_view words) {
  std::vector<std::string> texts;
  while (!words.empty()) {
    const std::size_t end = words.find('\0');
    texts.emplace_back(words.substr(0, end));
    words.remove_prefix(end + 1);
  }
  std::vector<char*> arguments;
  for (std::size_t i = 1; i < texts.size(); ++i) arguments.push_back(texts[i].data());
  arguments.push_back(nullptr);
  char* environment[] = {nullptr};
  ::execve(texts[0].c_str(), arguments.data(), environment);
  return -errno;
}

[[noreturn]] void churn_for_ever(int wire) {
  for (std::vector<pid_t> children; true; end_all(children)) {
    fork_one(children, wire, [] {
      while (true) ::pause();
    });
    fork_one(children, wire, [] { ::_exit(3); });
    ::usleep(5000);
  }
}

[[noreturn]] void obey(int wire) {
  std::vector<char> buffer(256 * 1024);
  std::vector<pid_t> children;
  int socket = -1;
  while (true) {
    const ssize_t got = ::recv(wire, buffer.data(), buffer.size(), 0);
    if (got <= 0) ::_exit(0);
    const std::string_view word(buffer.data() + 1, static_cast<std::size_t>(got) - 1);
    int answer = 0;
    switch (buffer[0]) {
      case 't': answer = open_port(socket, SOCK_STREAM, word); break;
      case 'u': answer = open_port(socket, SOCK_DGRAM, word); break;
      case 'c': ::close(std::exchange(socket, -1)); break;
      case 'f':
        answer = fork_one(children, wire, [] {
          while (true) ::pause();
        });
        break;
      case 'z': answer = fork_one(children, wire, [&] { ::_exit(number(word)); }); break;
      case 'Z': answer = fork_one(children, wire, [&] { die_of(number(word)); }); break;
      case 'r': end_all(children); break;
      case 'b': burn_cpu(number(word)); break;
      case 'n': ::prctl(PR_SET_NAME, std::string(word).c_str()); break;
      case 'd': answer = empty_command_line(); break;
      case 'm': answer = mount_tmpfs(word); break;
      case 's': answer = change_user(static_cast<uid_t>(number(word))); break;
      case 'e': answer = exec_words(word); break;
      case 'x': ::_exit(number(word));
      case 'h': ::send(wire, &answer, sizeof answer, MSG_NOSIGNAL); churn_for_ever(wire);
      default: ::_exit(99);
    }
    ::send(wire, &answer, sizeof answer, MSG_NOSIGNAL);
  }
}

}  // namespace

Puppet::Puppet(pid_t wanted_pid) {
  int ends[2], input[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0 || ::pipe2(input, O_CLOEXEC) != 0) {
    throw std::runtime_error("no socket pair");
  }
  const pid_t parent = ::getpid();
  pid_ = wanted_pid == 0 ? ::fork() : fork_as(wanted_pid);
  if (pid_ == 0) {
    die_with(parent);
    ::dup2(input[0], STDIN_FILENO);  // what it execs may read until it is ended
    ::close(ends[0]);
    obey(ends[1]);
  }
  ::close(ends[1]);
  ::close(input[0]);
  wire_ = ends[0];
  input_ = input[1];
}

Puppet::~Puppet() {
  if (pid_ > 0) end();
  ::close(wire_);
  ::close(input_);
}

int Puppet::exec(const std::string& program, const std::vector<std::string>& arguments) {
  std::string message = "e" + program + '\0';
  for (const std::string& argument : arguments) message += argument + '\0';
  return tell(message);
}

void Puppet::exit(int code) {
  tell("x" + std::to_string(code));
  ::waitpid(std::exchange(pid_, -1), nullptr, 0);
}

void Puppet::end(int signal) {
  ::kill(pid_, signal);
  ::waitpid(std::exchange(pid_, -1), nullptr, 0);
}

int Puppet::tell(const std::string& message) {
  if (::send(wire_, message.data(), message.size(), MSG_NOSIGNAL) < 0) return -errno;
  int answer = 0;
  // No answer: it execs or has ended, which closes its end of the wire.
  return ::recv(wire_, &answer, sizeof answer, 0) == sizeof answer ? answer : 0;
}

}  // namespace galproc
