#pragma once

// The file that an acting verb logs to. Somebody may take it, its -wal or its -shm away meanwhile, and then what is
// written goes where nobody else looks, or over what others write: a recorder of the file says in its lock file which
// ones it has open, and who acts keeps to those.

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "platform/platform.h"
#include "store/action_log.h"

namespace galproc {

/// Whether a recorder of this file has another -wal or -shm open than stand beside it now. It notices that itself, at
/// its next look at the latest; what is written to the ones of now would be overwritten.
bool recorder_has_others_open(Platform& platform, const std::filesystem::path& database);

/// The log, as this process has it open. Throws Error (NotLogged) wherever it cannot be logged to. REQUIRES: `platform`
/// and `redactor` outlive this.
class LogFile {
 public:
  /// Makes the file, and its folder, where it is not there. Waits for a recorder that has others open.
  LogFile(Platform& platform, std::filesystem::path path, const Redactor& redactor);

  ActionLog& log() { return *log_; }
  const std::filesystem::path& path() const { return path_; }

  /// As ActionLog::commit.
  void commit(const std::function<void(ActionWriter&)>& write, int patience_ms = kOpenPatienceMs);

  /// Whether another file, or none, has its name by now.
  bool was_moved() { return platform_.database_files(path_).file != opened_.file; }
  /// Whether it is still the file of that name, and its -wal or -shm is another by now.
  bool has_lost_companions();
  /// Opens what has the name now. Gives whether all that was committed is in it.
  bool open_again();

 private:
  void open();

  Platform& platform_;
  std::filesystem::path path_;
  const Redactor& redactor_;
  std::unique_ptr<ActionLog> log_;
  DatabaseFiles opened_;
  std::string head_;  ///< hash of the ledger's newest row when it was last committed to; "": it was not
};

}  // namespace galproc
