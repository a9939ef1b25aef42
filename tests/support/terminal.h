#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace galproc {

/// A terminal whose keyboard and screen are the test's.
class Terminal {
 public:
  Terminal() : keyboard_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)) {
    if (::grantpt(keyboard_) != 0 || ::unlockpt(keyboard_) != 0) ADD_FAILURE() << "no terminal";
    name_ = ::ptsname(keyboard_);
    held_ = ::open(name_.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);  // what is shown stays when the program has ended
  }
  ~Terminal() {
    ::close(held_);
    ::close(keyboard_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  /// In a process that is about to exec: these of its streams are this terminal, which becomes its own.
  void take(const std::vector<int>& streams) const {
    ::setsid();
    const int device = ::open(name_.c_str(), O_RDWR);
    ::ioctl(device, TIOCSCTTY, 0);
    for (const int stream : streams) ::dup2(device, stream);
    if (device > STDERR_FILENO) ::close(device);
  }
  void resize(int rows, int columns) const {
    winsize size{};
    size.ws_row = static_cast<unsigned short>(rows);
    size.ws_col = static_cast<unsigned short>(columns);
    EXPECT_EQ(::ioctl(held_, TIOCSWINSZ, &size), 0);
  }
  void type(const std::string& text) const {
    ASSERT_EQ(::write(keyboard_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  /// All that has been shown by now; what was typed is shown, too.
  const std::string& shown() {
    char piece[4096];
    ssize_t got = 0;
    while ((got = ::read(keyboard_, piece, sizeof piece)) > 0) shown_.append(piece, static_cast<std::size_t>(got));
    return shown_;
  }
  bool shows(const std::string& text) { return shown().find(text) != std::string::npos; }

 private:
  int keyboard_;
  int held_ = -1;
  std::string name_;
  std::string shown_;
};

}  // namespace galproc
