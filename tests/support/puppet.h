#pragma once

// Real processes for the program to see: each does at once what the test says, so that the test knows when it was done.

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
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
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace galproc {

/// The port that a socket is bound to.
inline int port_of(int socket) {
  sockaddr_in6 name{};  // the port lies at the same place in both families
  socklen_t bytes = sizeof name;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&name), &bytes);
  return ntohs(name.sin6_port);
}

/// A listening or, for SOCK_DGRAM, a bound socket; -1 with errno.
inline int bind_socket(int type, const std::string& address, int port) {
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

/// Ends with its parent, whatever happens to that one.
inline void die_with(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(0);
}

/// A forked process that obeys. Commands are a letter and what belongs to it; the answer is a number, -errno for a
/// failure.
class Puppet {
 public:
  /// `wanted_pid` asks for that very pid; where it cannot be had, pid() is the negative errno.
  explicit Puppet(pid_t wanted_pid = 0) {
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
  ~Puppet() {
    if (pid_ > 0) end();
    ::close(wire_);
    ::close(input_);
  }
  Puppet(const Puppet&) = delete;
  Puppet& operator=(const Puppet&) = delete;

  pid_t pid() const { return pid_; }

  /// Listens on a port, 0 for any; gives the port, or -errno.
  int listen(int port = 0, const std::string& address = "127.0.0.1") {
    return tell("t" + std::to_string(port) + " " + address);
  }
  /// The same for UDP.
  int bind_udp(int port = 0, const std::string& address = "127.0.0.1") {
    return tell("u" + std::to_string(port) + " " + address);
  }
  void close_port() { tell("c"); }

  /// A child that does nothing until reap_children(); gives its pid. It inherits the open port.
  pid_t fork_child() { return tell("f"); }
  /// A child that ends with this exit code, or of this signal, and that nobody waits for; gives its pid.
  pid_t leave_zombie(int exit_code) { return tell("z" + std::to_string(exit_code)); }
  pid_t leave_zombie_of_signal(int signal) { return tell("Z" + std::to_string(signal)); }
  void reap_children() { tell("r"); }

  /// Uses up CPU time.
  void burn(int cpu_ms) { tell("b" + std::to_string(cpu_ms)); }
  /// Sets the name that the kernel keeps, up to 15 bytes.
  void rename(const std::string& name) { tell("n" + name); }
  /// Has an empty command line from now on; 0 or -errno.
  int drop_command_line() { return tell("d"); }
  /// Forks and reaps without end, and answers to nothing but end().
  void churn() { tell("h"); }

  /// Belongs to another user from now on; what it execs after that may be looked into by that user. 0 or -errno.
  int become(uid_t uid) { return tell("s" + std::to_string(uid)); }
  /// Sees a new, empty tmpfs on this folder, with these mount options, that nobody outside sees. 0 or -errno.
  int mount_small_disk(const std::string& folder, const std::string& options) {
    return tell("m" + options + " " + folder);
  }
  /// Becomes another program, which reads an input that never ends. 0 or -errno.
  int exec(const std::string& program, const std::vector<std::string>& arguments) {
    std::string message = "e" + program + '\0';
    for (const std::string& argument : arguments) message += argument + '\0';
    return tell(message);
  }
  /// Ends by itself and is waited for.
  void exit(int code) {
    tell("x" + std::to_string(code));
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  }
  /// Ends it, of this signal, and waits for it.
  void end(int signal = SIGKILL) {
    ::kill(pid_, signal);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  }

 private:
  int tell(const std::string& message) {
    if (::send(wire_, message.data(), message.size(), MSG_NOSIGNAL) < 0) return -errno;
    int answer = 0;
    // No answer: it execs or has ended, which closes its end of the wire.
    return ::recv(wire_, &answer, sizeof answer, 0) == sizeof answer ? answer : 0;
  }

  /// fork() into a pid of one's choice. Only for a child that makes plain system calls: the C library does not know of
  /// it.
  static pid_t fork_as(pid_t wanted) {
    clone_args how{};
    how.exit_signal = SIGCHLD;
    how.set_tid = reinterpret_cast<std::uintptr_t>(&wanted);
    how.set_tid_size = 1;
    const long pid = ::syscall(SYS_clone3, &how, sizeof how);
    return pid < 0 ? -errno : static_cast<pid_t>(pid);
  }

  [[noreturn]] static void obey(int wire) {
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

  static int number(std::string_view word) { return std::atoi(std::string(word).c_str()); }

  static int open_port(int& socket, int type, std::string_view word) {
    const std::size_t blank = word.find(' ');
    socket = bind_socket(type, std::string(word.substr(blank + 1)), number(word));
    return socket < 0 ? -errno : port_of(socket);
  }
  static int fork_one(std::vector<pid_t>& children, int wire, const std::function<void()>& life) {
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
  [[noreturn]] static void die_of(int signal) {
    ::signal(signal, SIG_DFL);
    ::kill(::getpid(), signal);
    while (true) ::pause();
  }
  static void end_all(std::vector<pid_t>& children) {
    for (const pid_t child : children) {
      ::kill(child, SIGKILL);
      ::waitpid(child, nullptr, 0);
    }
    children.clear();
  }
  static void burn_cpu(int cpu_ms) {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    const std::int64_t end = now.tv_sec * 1000 + now.tv_nsec / 1'000'000 + cpu_ms;
    while (now.tv_sec * 1000 + now.tv_nsec / 1'000'000 < end) ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  }
  /// An exec gives at least one argument, so this is the only way to have none: the arguments end where they begin.
  static int empty_command_line() {
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
  static int mount_tmpfs(std::string_view word) {
    const std::size_t blank = word.find(' ');
    const std::string options(word.substr(0, blank)), folder(word.substr(blank + 1));
    const bool mounted = ::unshare(CLONE_NEWNS) == 0 &&
                         ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                         ::mount("tmpfs", folder.c_str(), "tmpfs", 0, options.c_str()) == 0;
    return mounted ? 0 : -errno;
  }
  static int change_user(uid_t uid) {
    if (::setgroups(0, nullptr) != 0 || ::setgid(uid) != 0 || ::setuid(uid) != 0) return -errno;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a change of user had switched it off
    return 0;
  }
  static int exec_words(std::string_view words) {
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
  [[noreturn]] static void churn_for_ever(int wire) {
    for (std::vector<pid_t> children; true; end_all(children)) {
      fork_one(children, wire, [] {
        while (true) ::pause();
      });
      fork_one(children, wire, [] { ::_exit(3); });
      ::usleep(5000);
    }
  }

  pid_t pid_ = -1;
  int wire_ = -1;
  int input_ = -1;
};

}  // namespace galproc
