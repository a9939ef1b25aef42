#pragma once

#include <filesystem>
#include <optional>

#include "platform/platform.h"

namespace galproc {

/// As the functions of Platform of the same names.
LockResult lock_file(const std::filesystem::path& path);
std::optional<std::int64_t> lock_holder(const std::filesystem::path& path);
std::optional<FileIdentity> file_identity(const std::filesystem::path& path);
void make_shared_folder(const std::filesystem::path& folder);
bool is_executable(const std::filesystem::path& file);
void make_shared_file(const std::filesystem::path& file);
std::optional<DiskRoom> disk_room(const std::filesystem::path& path);

}  // namespace galproc
