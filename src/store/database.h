#pragma once

// The file: what it is, how it is opened, and how its schema grows. Three kinds of connection exist: the recorder's and
// that of an acting command, which make, migrate and write, and a reader's, which does none of that.

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace galproc {

/// 'galp': PRAGMA application_id of a galproc database.
constexpr std::int64_t kApplicationId = 0x67616c70;

/// The number of the newest migration that this binary knows: PRAGMA user_version of a current file.
int schema_version();

/// The version of the SQLite library in use: "3.40.1".
std::string sqlite_version();

/// What stands at a path before it is opened for recording.
enum class FileKind {
  New,      ///< nothing, 0 bytes, or an SQLite database without a table and of no application
  Ours,     ///< a galproc database of this schema or an older one
  Damaged,  ///< a galproc database that SQLite calls corrupt or no database
  Newer,    ///< a galproc database that a newer galproc has migrated
  Foreign   ///< anything else
};

/// Looks without changing anything. REQUIRES: this process has no connection to the file (closing a descriptor of it
/// would drop that connection's locks). Throws SQLite::Exception for what says nothing about the content (I/O, locked),
/// Error for a file that this user may not read.
FileKind examine_file(const std::filesystem::path& path);

/// Whether a file whose last run has no end does not fit together with its -wal, as one does not that was put there
/// from elsewhere: SQLite takes that for its own. Not of a file of more than 64 MiB, which would take too long.
/// REQUIRES: as examine_file; the file is Ours. Throws SQLite::Exception likewise.
bool is_torn(const std::filesystem::path& path);

/// The corrupt file that a new one stands in for. Its last known hash goes into the first of the new ledger, so that
/// leaving out a file is seen.
struct Predecessor {
  std::string name;                 ///< after it was moved aside, without folder
  std::optional<std::string> head;  ///< newest hash of its ledger; empty: not readable
};

/// Opens the file for the recorder, making what is needed in an empty one and migrating an older one; waits up to
/// `busy_ms` for other writers, then and in each later statement. WAL, synchronous=NORMAL; -wal and -shm stay after a
/// clean stop, so that a reader without the right to make them can still open the file. `predecessor` is noted in a
/// file that gets its action log now. Throws SQLite::Exception.
SQLite::Database open_for_recording(const std::filesystem::path& path, int busy_ms,
                                    const std::optional<Predecessor>& predecessor = std::nullopt);

/// The same for an acting command: what it commits is on the disk when COMMIT returns (synchronous=FULL), and it leaves
/// checkpoints, which may take long, to the recorder, also when it closes. Throws SQLite::Exception; SQLITE_READONLY
/// where this user may not write the file.
SQLite::Database open_for_acting(const std::filesystem::path& path, int busy_ms);

/// Opens the file for questions only. Throws Error (exit 1) with the reason: not there, not galproc's, older or newer
/// than this binary, not readable.
SQLite::Database open_for_reading(const std::filesystem::path& path);

/// Has the connection leave the -wal as it is when it is closed: for one whose -wal or -shm is not the one that stands
/// beside the file any more.
void leave_wal_alone(SQLite::Database& database);

/// Brings the schema up to date in one transaction, with the views and triggers made anew. Nothing happens to a current
/// one.
void migrate(SQLite::Database& database, const std::optional<Predecessor>& predecessor = std::nullopt);

/// What a failed statement means for whoever wants to write.
enum class StoreFault {
  Busy,      ///< somebody else is writing: try again
  Full,      ///< no room: try again when there is
  Damaged,   ///< the content is corrupt
  Rejected,  ///< these very rows break a rule of the schema: trying again will not help
  Lost       ///< anything else: close the connection and open it anew
};
StoreFault fault_of(const SQLite::Exception& error);

/// The text of a failure with SQLite's extended code.
std::string describe(const SQLite::Exception& error);

/// Moves a damaged file with its -wal and -shm out of the way: NAME.corrupt-TIME, NAME.corrupt-TIME-wal and -shm. Gives
/// the new name. REQUIRES: no connection of this process to it; the recorder's lock is held. Throws
/// std::filesystem::filesystem_error.
std::filesystem::path move_damaged_aside(const std::filesystem::path& path, std::int64_t now_us);

/// Where a moving aside was cut short, by a death or a loss of power, so that the -wal still has its old name and no
/// file is beside it: takes it after its file, which it gives; empty: there was nothing to do. A new file of that name
/// would delete it. REQUIRES: as above. Throws std::filesystem::filesystem_error.
std::optional<std::filesystem::path> finish_moving_aside(const std::filesystem::path& path);

/// The file itself, whatever links lead to it, also when it is not there yet; the path as it is where it cannot be
/// reached.
std::filesystem::path without_links(std::filesystem::path path, std::error_code& failed);

/// The path of the lock that a recorder of this database holds. REQUIRES: it is named without links.
std::filesystem::path recorder_lock_path(const std::filesystem::path& database);

}  // namespace galproc
