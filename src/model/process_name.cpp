#include "model/process_name.h"

#include <algorithm>

namespace galproc {

namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_same_text(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view without_ending(std::string_view name) {
  constexpr std::string_view kEnding = ".exe";
  const bool has_it = name.size() > kEnding.size() && is_same_text(name.substr(name.size() - kEnding.size()), kEnding);
  return has_it ? name.substr(0, name.size() - kEnding.size()) : name;
}

}  // namespace

bool is_same_name(std::string_view a, std::string_view b) {
  return is_same_text(without_ending(a), without_ending(b));
}

}  // namespace galproc
