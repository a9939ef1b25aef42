#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>

namespace galproc {

/// The text of /proc/PID/stat; empty where there is no such process.
inline std::string stat_text(std::int64_t pid) {
  std::stringstream text;
  text << std::ifstream("/proc/" + std::to_string(pid) + "/stat").rdbuf();
  return text.str();
}

/// Waits for the letter that /proc/PID/stat shows; false where it does not come.
inline bool wait_until_state(std::int64_t pid, char letter) {
  const std::string shown = std::string(") ") + letter + " ";
  for (int i = 0; i < 10'000; ++i) {
    if (stat_text(pid).find(shown) != std::string::npos) return true;
    ::usleep(1000);
  }
  return false;
}

inline void wait_until_asleep(std::int64_t pid) {
  ASSERT_TRUE(wait_until_state(pid, 'S')) << "it did not fall asleep";
}

}  // namespace galproc
