#pragma once

// What every acting verb writes in the same way: who asked, and the processes that it met.

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "platform/platform.h"
#include "store/action_log.h"

namespace galproc {

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
