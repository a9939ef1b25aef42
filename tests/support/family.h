#pragma once

// Programs with descendants, for kills: whatever is left of them when the test is over is ended by pid.

#include <fstream>
#include <sstream>
#include <vector>

#include "support/program.h"

namespace galproc {

/// Living processes one of whose arguments is exactly `word`, by pid. A test gives its programs a word of its own.
inline std::vector<pid_t> processes_with(const std::string& word) {
  std::vector<pid_t> pids;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator("/proc", failed)) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    std::stringstream text;
    if (pid > 0) text << std::ifstream(entry.path() / "cmdline").rdbuf();  // empty for a zombie
    if (('\0' + text.str()).find('\0' + word + '\0') != std::string::npos) pids.push_back(pid);
  }
  std::sort(pids.begin(), pids.end());
  return pids;
}

/// The letter of its state in /proc/PID/stat; '-' where there is none.
inline char state_of(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(stat, text);
  const std::size_t at = text.rfind(") ");
  return at == std::string::npos ? '-' : text[at + 2];
}

/// A word that no other test and no other run has. It is a number, so that it can be the length of a sleep: about a
/// minute.
inline std::string own_word() {
  static int count = 0;
  return fmt::format("60.{}{:03}", ::getpid(), ++count);
}

/// Ends every process with a word, again and again until there is none.
class Family {
 public:
  explicit Family(std::string word = own_word()) : word_(std::move(word)) {}
  ~Family() {
    for (int round = 0; round < 200 && !members().empty(); ++round) {
      for (const pid_t pid : members()) ::kill(pid, SIGKILL);
      ::usleep(2000);
    }
  }
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;

  const std::string& word() const { return word_; }
  std::vector<pid_t> members() const { return processes_with(word_); }
  /// Whether there are so many within the bound.
  bool grows_to(std::size_t count) const {
    return wait_until([&] { return members().size() >= count; });
  }

 private:
  std::string word_;
};

}  // namespace galproc
