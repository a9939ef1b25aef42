#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <filesystem>

namespace galproc {

/// Copies a database as it stands at one moment, whoever writes to it meanwhile, into an empty or new file, which then
/// needs no -wal beside it and can be read from any folder. Throws SQLite::Exception; what is in the file then is of no
/// use. REQUIRES: no transaction is open.
void copy_database(SQLite::Database& from, const std::filesystem::path& to);

}  // namespace galproc
