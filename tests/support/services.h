#pragma once

// Services as a user meets them; whatever of them is left when a test is over is ended, by pid, and the control groups
// that were made for them go, too.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <fstream>
#include <sstream>

#include "support/control_group.h"
#include "support/program.h"

namespace galproc {

inline std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return (std::stringstream() << file.rdbuf()).str();
}

class ServiceTest : public ProgramTest {
 protected:
  ~ServiceTest() override {
    for (int round = 0; round < 100; ++round) {
      const std::vector<pid_t> left = members();
      for (const pid_t pid : left) ::kill(pid, SIGKILL);
      if (left.empty() && groups_are_gone()) return;
      ::usleep(10'000);
    }
  }

  bool groups_are_gone() const {
    return !fs::exists(db()) || remove_made_groups(ask("SELECT cgroup FROM service WHERE cgroup IS NOT NULL"));
  }

  /// Living processes with a marker that is in this test's own database. (A test whose service throws it away has
  /// another way of finding it.)
  std::vector<pid_t> members() const {
    std::vector<pid_t> found;
    if (!fs::exists(db())) return found;
    std::istringstream lines(ask("SELECT marker FROM service"));
    std::vector<std::string> markers;
    for (std::string line; std::getline(lines, line);) markers.push_back("GALPROC_SERVICE=" + line);
    std::error_code gone;
    for (const auto& entry : fs::directory_iterator("/proc", gone)) {
      const std::string name = entry.path().filename().string();
      if (name.find_first_not_of("0123456789") != std::string::npos) continue;
      const std::string variables = text_of(entry.path() / "environ");
      for (const std::string& marker : markers) {
        if (variables.find(marker) != std::string::npos) found.push_back(std::stoi(name));
      }
    }
    return found;
  }

  Ran act(Words words) const {
    words.insert(words.begin() + 1, {"--db", db().string(), "--json"});
    return galproc(words);
  }
  /// The one row of a start that went well.
  Json started(const Words& words) const {
    const Ran ran = act(words);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    const Json rows = Json::parse(ran.out, nullptr, false);
    EXPECT_EQ(rows.size(), 1U) << ran.out;
    return rows.is_array() && !rows.empty() ? rows[0] : Json::object();
  }
  fs::path make_venv() const {
    const Ran ran = run({"/usr/bin/python3", "-m", "venv", "--without-pip", (folder_ / "venv").string()});
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return folder_ / "venv";
  }
  static int free_port() {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof name;
    EXPECT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&name), size), 0);
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&name), &size);
    ::close(socket);
    return ntohs(name.sin_port);
  }
  /// What a web server on loopback answers; "" where nobody listens.
  static std::string fetch(int port) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(static_cast<std::uint16_t>(port));
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::string answer;
    if (::connect(socket, reinterpret_cast<sockaddr*>(&name), sizeof name) == 0) {
      const std::string request = "GET / HTTP/1.0\r\n\r\n";
      EXPECT_EQ(::write(socket, request.data(), request.size()), static_cast<ssize_t>(request.size()));
      char piece[4096];
      for (ssize_t got = 0; (got = ::read(socket, piece, sizeof piece)) > 0;) {
        answer.append(piece, static_cast<std::size_t>(got));
      }
    }
    ::close(socket);
    return answer;
  }
};

}  // namespace galproc
