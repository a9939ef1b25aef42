#pragma once

// How long tests of endurance go on, and by what course: few rounds in the suite, many by scripts/torture.sh.

#include <cstdlib>
#include <random>
#include <string>

namespace galproc {

/// A number from the environment, where it has one.
inline unsigned asked_for(const char* variable, unsigned otherwise) {
  const char* text = std::getenv(variable);
  return text != nullptr ? static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : otherwise;
}

/// 0: as few as the suite has time for.
inline unsigned torture_rounds() {
  return asked_for("GALPROC_TORTURE_ROUNDS", 0);
}

/// Chance that can be had again.
class Course {
 public:
  /// The word that makes a failure happen again, as far as a machine allows.
  std::string name() const { return "GALPROC_TORTURE_SEED=" + std::to_string(seed_); }
  /// A number from 0 to `most`.
  std::size_t draw(std::size_t most) { return std::uniform_int_distribution<std::size_t>(0, most)(random_); }
  bool toss() { return draw(1) == 0; }

 private:
  unsigned seed_ = asked_for("GALPROC_TORTURE_SEED", std::random_device{}());
  std::mt19937 random_{seed_};
};

/// Where to fail next: everywhere in long, at a few places in the suite.
inline int next_place(int place, Course& course) {
  if (torture_rounds() > 0) return place + 1;
  return 2 * place + static_cast<int>(course.draw(static_cast<std::size_t>(place)));
}

}  // namespace galproc
