#include "store/reserve.h"

#include <algorithm>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <system_error>

namespace galproc {

namespace fs = std::filesystem;

fs::path reserve_path(const fs::path& database) {
  return database.string() + ".reserve";
}

namespace {

constexpr std::string_view kMark = "galproc: room for the log of actions; delete it when you need it.\n";

/// A file of that name that somebody else made, or a link, is left alone.
bool is_ours(const fs::path& path) {
  std::error_code missing;
  if (fs::symlink_status(path, missing).type() != fs::file_type::regular) return false;
  if (fs::file_size(path, missing) == 0) return true;
  std::string begin(kMark.size(), '\0');
  std::ifstream(path, std::ios::binary).read(begin.data(), static_cast<std::streamsize>(begin.size()));
  return begin == kMark;
}

}  // namespace

bool has_reserve(const fs::path& database, std::int64_t bytes) {
  std::error_code missing;
  const auto size = fs::file_size(reserve_path(database), missing);
  return !missing && static_cast<std::int64_t>(size) == bytes;
}

bool was_given_up(const fs::path& database) {
  const fs::path path = reserve_path(database);
  std::error_code missing;
  return fs::file_size(path, missing) == 0 && !missing && is_ours(path);
}

void fill_reserve(const fs::path& database, std::int64_t bytes) {
  const fs::path path = reserve_path(database);
  if (!is_ours(path)) return;
  constexpr std::int64_t kPieceBytes = 65536;
  std::mt19937_64 random(static_cast<std::uint64_t>(bytes));
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << kMark;
  for (std::int64_t left = bytes - static_cast<std::int64_t>(kMark.size()); left > 0 && file; left -= kPieceBytes) {
    std::string piece(static_cast<std::size_t>(std::min(left, kPieceBytes)), '\0');
    for (char& byte : piece) byte = static_cast<char>(random());
    file << piece;
  }
  file.close();
  std::error_code ignored;
  if (!file) fs::resize_file(path, 0, ignored);
}

bool give_up_reserve(const fs::path& database) {
  const fs::path path = reserve_path(database);
  std::error_code failed;
  if (!is_ours(path) || fs::file_size(path, failed) == 0 || failed) return false;
  fs::resize_file(path, 0, failed);
  return !failed;
}

}  // namespace galproc
