#include "model/venv.h"

#include <algorithm>
#include <filesystem>

namespace galproc {

namespace {

namespace fs = std::filesystem;

/// Without `.`, `..`, doubled slashes and one at the end.
fs::path plain(const std::string& path) {
  const fs::path normal = fs::path(path).lexically_normal();
  return normal.has_filename() || !normal.has_relative_path() ? normal : normal.parent_path();
}

bool is_same_or_below(const std::string& path, const std::string& folder, bool same_counts) {
  const fs::path inner = plain(path), outer = plain(folder);
  const auto [in_outer, in_inner] = std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end());
  return in_outer == outer.end() && (same_counts || in_inner != inner.end());
}

bool names_file_below(const std::string& argument, const ProcessImage& image, const std::string& folder) {
  if (argument.find('/') == std::string::npos) return false;
  if (argument.front() == '/' || !image.working_directory) return lies_below(argument, folder);
  return lies_below(*image.working_directory + "/" + argument, folder);
}

}  // namespace

bool lies_below(const std::string& path, const std::string& folder) {
  return is_same_or_below(path, folder, false);
}

std::optional<std::string> venv_evidence(const ProcessImage& image, const std::string& folder) {
  if (image.executable && lies_below(*image.executable, folder)) return "command_line";
  if (image.arguments) {
    for (const std::string& argument : *image.arguments) {
      if (names_file_below(argument, image, folder)) return "command_line";
    }
  }
  if (image.working_directory && is_same_or_below(*image.working_directory, folder, true)) return "working_directory";
  if (image.venv && plain(*image.venv) == plain(folder)) return "environment";
  return std::nullopt;
}

std::optional<std::string> gone_venv_evidence(const ProcessImage& image, const std::string& folder) {
  if (image.executable && lies_below(*image.executable, folder)) return "command_line";
  if (image.arguments && !image.arguments->empty() && names_file_below(image.arguments->front(), image, folder)) {
    return "command_line";
  }
  if (image.venv && plain(*image.venv) == plain(folder)) return "environment";
  return std::nullopt;
}

}  // namespace galproc
