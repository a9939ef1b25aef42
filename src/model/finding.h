#pragma once

#include <string>

namespace galproc {

/// One thing that galproc needs, and how it stands with it here.
struct Finding {
  enum class State { Ok, Warning, Broken };
  std::string check;
  State state = State::Ok;
  std::string detail;  ///< what was found
  std::string advice;  ///< what to do about it; empty: nothing
};

}  // namespace galproc
