#include "platform/platform.h"

#include <fmt/format.h>

namespace galproc {

std::string DatabaseFiles::text() const {
  const auto name = [](const std::optional<FileIdentity>& one) {
    return one ? fmt::format("{}:{}", one->device, one->inode) : "-";
  };
  return fmt::format("{} {} {}", name(file), name(wal), name(shm));
}

DatabaseFiles Platform::database_files(const std::filesystem::path& database) {
  return {file_identity(database), file_identity(database.string() + "-wal"),
          file_identity(database.string() + "-shm")};
}

}  // namespace galproc
