#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "model/reading.h"

namespace galproc {

/// As the functions of Platform of the same names.
CallerReading read_caller(const ProcessKey& self);
std::vector<std::int64_t> readers_of_output();
std::optional<std::string> network_file_system(const std::filesystem::path& path);

/// The name of a terminal from its device number, field 7 of /proc/PID/stat: "/dev/pts/3"; empty for 0 and for kinds
/// that no person sits at.
std::optional<std::string> terminal_name(std::int64_t device);

/// The name of a file system of another machine by its magic number of statfs(2); empty for all others.
std::optional<std::string> network_file_system_name(std::int64_t magic);

}  // namespace galproc
