#include "store/reserve.h"

#include <algorithm>
#include <fstream>
#include <random>
#include <string>
#include <system_error>

namespace galproc {

namespace fs = std::filesystem;

fs::path reserve_path(const fs::path& database) {
  return database.string() + ".reserve";
}

bool has_reserve(const fs::path& database, std::int64_t bytes) {
  std::error_code missing;
  const auto size = fs::file_size(reserve_path(database), missing);
  return !missing && static_cast<std::int64_t>(size) == bytes;
}

void fill_reserve(const fs::path& database, std::int64_t bytes) {
  const fs::path path = reserve_path(database);
  constexpr std::size_t kPieceBytes = 65536;
  std::mt19937_64 random(static_cast<std::uint64_t>(bytes));
  std::string piece(kPieceBytes, '\0');
  for (char& byte : piece) byte = static_cast<char>(random());
  std::ofstream file(path, std::ios::binary | std::ios::in | std::ios::out | std::ios::trunc);
  for (std::int64_t left = bytes; left > 0 && file; left -= static_cast<std::int64_t>(kPieceBytes)) {
    file.write(piece.data(), static_cast<std::streamsize>(std::min<std::int64_t>(left, kPieceBytes)));
  }
  file.close();
  std::error_code ignored;
  if (!file) fs::resize_file(path, 0, ignored);
}

bool give_up_reserve(const fs::path& database) {
  const fs::path path = reserve_path(database);
  std::error_code failed;
  const auto size = fs::file_size(path, failed);
  if (failed || size == 0) return false;
  fs::resize_file(path, 0, failed);
  return !failed;
}

}  // namespace galproc
