#pragma once

// What every acting verb writes in the same way: the file that it logs to, who asked, and the processes that it met.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "platform/platform.h"
#include "store/action_log.h"

namespace galproc {

/// Opens the file for acting, making it, and its folder, where it is not there. Throws Error (NotLogged) where it
/// cannot be logged to.
std::unique_ptr<ActionLog> open_action_log(Platform& platform, const std::filesystem::path& path,
                                           const Redactor& redactor);

/// Whether what is opened now is what its recorder, if there is one, has open: the -wal or -shm may have been taken
/// away under it, and it would overwrite what is written by others.
bool is_as_its_recorder_has_it(Platform& platform, const std::filesystem::path& path);

/// The rows of one transaction. Ids count once it is committed.
class LogRows {
 public:
  /// `pass` is a reading that has every process that is met. REQUIRES: everything outlives this.
  LogRows(ActionWriter& writer, const Redactor& redactor, const Clocks& now, std::int64_t boot_id,
          const ProcessPass& pass);

  std::int64_t now_us() const { return now_.wall_us; }

  /// Who it is, with everyone above it, as a recorder would have met them.
  std::int64_t upid_of(const ProcessReading& process) { return upid_of(process, true); }
  /// The same of one that does not run what it was made for yet: its image comes later.
  std::int64_t upid_without_image(const ProcessReading& process) { return upid_of(process, false); }

  std::int64_t add_action(const std::string& verb, CallerReading caller, const std::optional<std::string>& reason);

 private:
  std::int64_t upid_of(const ProcessReading& process, bool with_image);

  ActionWriter& writer_;
  const Redactor& redactor_;
  Clocks now_;
  std::int64_t boot_id_;
  std::unordered_map<std::int64_t, const ProcessReading*> by_pid_;
  std::unordered_map<ProcessKey, std::int64_t, ProcessKeyHash> upids_;
};

}  // namespace galproc
