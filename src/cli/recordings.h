#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "action/kill.h"
#include "action/live_ancestry.h"
#include "store/ancestry.h"

namespace galproc {

/// The recordings that may know who created whom: the one that is logged to, and the others of this machine.
class Recordings {
 public:
  /// `log` is null where nothing is logged: then `own_path` is read like the others.
  Recordings(KillLog* log, const std::filesystem::path& own_path, const HostReading& host);

  /// `live` knows those that no recording knows yet; null: nobody listens. REQUIRES: both outlive what it gives.
  CreatorOf creator_of(LiveAncestry* live);
  /// In the one that is logged to.
  std::optional<std::int64_t> upid_of(const ProcessKey& key);
  /// A sentence for each that failed on the way.
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  struct Source {
    std::filesystem::path path;
    std::function<RecordedAncestry&()> ancestry;
  };

  /// Of the first `count` of them.
  template <typename Ask>
  auto first_known(const Ask& ask, std::size_t count = SIZE_MAX);

  std::vector<Source> sources_;
  std::vector<std::string> problems_;
};

}  // namespace galproc
