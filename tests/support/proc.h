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

inline void wait_until_asleep(std::int64_t pid) {
  for (int i = 0; i < 10'000; ++i) {
    if (stat_text(pid).find(") S ") != std::string::npos) return;
    ::usleep(1000);
  }
  FAIL() << "it did not fall asleep";
}

}  // namespace galproc
