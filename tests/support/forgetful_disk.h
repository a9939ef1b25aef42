#pragma once

// A disk that loses power. Everything that SQLite does to files is noted while it goes to the real ones; afterwards,
// for any moment, what would be found after a loss of power can be written down: what was synced by then, and of the
// rest all, nothing, or whatever part.

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "support/torture.h"
#include "support/watched_disk.h"

namespace galproc {

class ForgetfulDisk : public DiskWatcher {
 public:
  /// What becomes of that which was not synced.
  enum class Loss {
    Nothing,     ///< it all stays, as when only the process dies
    Everything,  ///< files as they were synced last, names as of their folder's last sync
    TheNewest,   ///< what was written after some moment, that write being torn
    Sectors      ///< any of 512 bytes, any length, any name, each by itself
  };
  static constexpr Loss kLosses[] = {Loss::Nothing, Loss::Everything, Loss::TheNewest, Loss::Sectors};

  /// The databases that are in `folder` are on the disk for good.
  explicit ForgetfulDisk(const std::filesystem::path& folder);

  DiskVerdict before(const DiskStep& step) override;
  /// What a step gets before it is noted; nothing happens where that is a failure.
  DiskWatcher* inner = nullptr;

  /// How many changes there were so far.
  std::size_t steps() const { return steps_.size(); }
  /// Writes into the folder `to` what is found where the power was lost after so many changes.
  void write_remains(std::size_t steps, Loss loss, Course& course, const std::filesystem::path& to) const;

 private:
  class Replay;
  struct Step {
    DiskStep::Kind kind;
    std::string name;
    std::int64_t at;
    std::string data;
  };

  std::map<std::string, std::string> first_;  ///< contents by name
  std::set<std::string> names_;               ///< that are there now
  std::vector<Step> steps_;
};

}  // namespace galproc
