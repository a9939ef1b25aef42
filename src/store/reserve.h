#pragma once

// Room that is kept back on the disk for the log of actions: a file beside the database that the recorder fills while
// there is room, and whoever acts on a full disk empties.

#include <cstdint>
#include <filesystem>

namespace galproc {

/// The path of the reserve of this database.
std::filesystem::path reserve_path(const std::filesystem::path& database);

/// Whether there was a reserve, which a kill has given up.
bool was_given_up(const std::filesystem::path& database);

/// Whether the reserve holds so many bytes.
bool has_reserve(const std::filesystem::path& database, std::int64_t bytes);

/// Fills the reserve with so many random bytes, of which no file system can make less. Where there is no room for all
/// of them, or it may not be written, or a file of that name is somebody else's, it is left as it was, or empty.
/// REQUIRES: the file is there, with its mode.
void fill_reserve(const std::filesystem::path& database, std::int64_t bytes);

/// Gives the room back. Gives whether there was any.
bool give_up_reserve(const std::filesystem::path& database);

}  // namespace galproc
