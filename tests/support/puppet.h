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
int port_of(int socket);

/// A listening or, for SOCK_DGRAM, a bound socket; -1 with errno.
int bind_socket(int type, const std::string& address, int port);

/// Ends with its parent, whatever happens to that one.
void die_with(pid_t parent);

/// A forked process that obeys. Commands are a letter and what belongs to it; the answer is a number, -errno for a
/// failure.
class Puppet {
 public:
  /// `wanted_pid` asks for that very pid; where it cannot be had, pid() is the negative errno.
  explicit Puppet(pid_t wanted_pid = 0);
  ~Puppet();
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
  int exec(const std::string& program, const std::vector<std::string>& arguments);
  /// Ends by itself and is waited for.
  void exit(int code);
  /// Ends it, of this signal, and waits for it.
  void end(int signal = SIGKILL);

 private:
  int tell(const std::string& message);

  pid_t pid_ = -1;
  int wire_ = -1;
  int input_ = -1;
};

}  // namespace galproc
