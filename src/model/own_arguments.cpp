#include "model/own_arguments.h"

#include <algorithm>

namespace galproc {

namespace {

constexpr const char* kHidden = "[redacted]";
const std::string kFlag = "--env";

bool is_galproc(const std::string& word) {
  const std::size_t slash = word.rfind('/');
  return word.compare(slash == std::string::npos ? 0 : slash + 1, std::string::npos, "galproc") == 0;
}

/// Hides what is behind the first equals sign from `from` on.
void hide_value(std::string& word, std::size_t from) {
  const std::size_t equals = word.find('=', from);
  // Without one it is no variable, but perhaps its value alone.
  word.replace(equals == std::string::npos ? from : equals + 1, std::string::npos, kHidden);
}

}  // namespace

std::vector<std::string> without_env_values(std::vector<std::string> arguments, bool own) {
  const auto program = own ? arguments.begin() : std::find_if(arguments.begin(), arguments.end(), is_galproc);
  const auto end = std::find(program, arguments.end(), "--");
  if (std::find(program, end, "start") == end) return arguments;
  for (auto word = program; word != end; ++word) {
    if (word->starts_with(kFlag + "=")) {
      hide_value(*word, kFlag.size() + 1);
    } else if (*word == kFlag && word + 1 != end) {
      hide_value(*++word, 0);
    }
  }
  return arguments;
}

}  // namespace galproc
