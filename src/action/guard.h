#pragma once

// Who must not be hurt. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "model/reading.h"

namespace galproc {

struct Policy {
  std::optional<std::string> required_user;  ///< name or number: targets must belong to that user
  std::vector<std::string> protect;          ///< names of processes that are left alone
  bool allow_protected = false;              ///< counts for an administrator alone
};

/// Where galproc itself stands.
struct Surroundings {
  CallerReading caller;
  std::vector<std::int64_t> pipeline;        ///< pids of what reads galproc's own output
  std::optional<std::int64_t> recorder_pid;  ///< of the recorder that writes to the same file
};

/// Its owner could be read: without that nothing can be said of whose it is.
bool is_known(const ProcessReading& process);

class Guard {
 public:
  Guard(Policy policy, Surroundings surroundings);

  /// Learns who galproc's and the recorder's ancestors are. To be called with each new reading.
  void look_at(const ProcessPass& pass);

  /// Galproc itself, one of its ancestors, or who reads its output.
  bool is_own(std::int64_t pid) const;

  /// Why this process is left alone: a clause such as "belongs to ann"; empty: it may be ended.
  std::optional<std::string> refusal(const ProcessReading& process) const;

 private:
  Policy policy_;
  Surroundings surroundings_;
  std::unordered_set<std::int64_t> own_ancestors_, recorders_ancestors_;
};

/// What will start a process again when it ends, where that can be seen: "the systemd unit nginx.service". Empty:
/// nothing.
std::optional<std::string> supervisor_of(const ProcessReading& process, const ProcessPass& pass);

}  // namespace galproc
