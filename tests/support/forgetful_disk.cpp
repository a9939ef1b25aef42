#include "support/forgetful_disk.h"

#include <sqlite3.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace galproc {

namespace fs = std::filesystem;

namespace {

using Kind = DiskStep::Kind;

constexpr std::size_t kSectorBytes = 512;

/// A write or truncation that was not synced. `order` counts all of the disk.
struct Change {
  std::size_t order = 0;
  bool is_truncation = false;
  std::size_t at = 0;
  std::string data;
};

/// A name that came or went, and was not synced.
struct NameChange {
  std::size_t order = 0;
  std::string name;
  std::optional<std::size_t> file;  ///< empty: it went
};

struct File {
  std::string synced;
  std::vector<Change> unsynced;
};

void put(std::string& content, std::size_t at, std::string_view data) {
  if (content.size() < at + data.size()) content.resize(at + data.size(), '\0');
  content.replace(at, data.size(), data);
}

void apply(std::string& content, const Change& change) {
  if (change.is_truncation) {
    content.resize(change.at, '\0');
  } else {
    put(content, change.at, change.data);
  }
}

}  // namespace

/// The disk at one moment: what is on it for good, and what is not.
class ForgetfulDisk::Replay {
 public:
  explicit Replay(const std::map<std::string, std::string>& first) {
    for (const auto& [name, content] : first) {
      names_[name] = synced_names_[name] = files_.size();
      files_.push_back({content, {}});
    }
  }

  void take(const Step& step) {
    ++order_;
    switch (step.kind) {
      case Kind::Open:
        names_[step.name] = files_.size();
        unsynced_names_.push_back({order_, step.name, files_.size()});
        files_.emplace_back();
        break;
      case Kind::Delete:
        names_.erase(step.name);
        unsynced_names_.push_back({order_, step.name, std::nullopt});
        break;
      case Kind::SyncFolder:
        synced_names_ = names_;
        unsynced_names_.clear();
        break;
      case Kind::Sync: {
        File& file = files_[names_.at(step.name)];
        for (const Change& change : file.unsynced) apply(file.synced, change);
        file.unsynced.clear();
        break;
      }
      case Kind::Write:
      case Kind::Truncate:
        files_[names_.at(step.name)].unsynced.push_back(
            {order_, step.kind == Kind::Truncate, static_cast<std::size_t>(step.at), step.data});
        break;
      default: break;
    }
  }

  /// Contents by name.
  std::map<std::string, std::string> remains(Loss loss, Course& course) const {
    const std::size_t last = course.draw(order_);
    const std::size_t sparing = 1 + course.draw(8);  // in ten parts
    const auto survives = [&](std::size_t order) {
      switch (loss) {
        case Loss::Nothing: return true;
        case Loss::Everything: return false;
        case Loss::TheNewest: return order <= last;
        case Loss::Sectors: break;
      }
      return course.draw(9) < sparing;
    };
    std::map<std::string, std::size_t> names = synced_names_;
    for (const NameChange& change : unsynced_names_) {
      if (!survives(change.order)) continue;
      if (change.file) {
        names[change.name] = *change.file;
      } else {
        names.erase(change.name);
      }
    }
    std::map<std::string, std::string> contents;
    for (const auto& [name, file] : names) {
      std::string& content = contents[name] = files_[file].synced;
      for (const Change& change : files_[file].unsynced) {
        if (change.is_truncation || loss != Loss::Sectors) {
          if (survives(change.order)) {
            apply(content, change);
          } else if (loss == Loss::TheNewest && change.order == last + 1 && !change.is_truncation) {
            apply(content, {0, false, change.at, change.data.substr(0, course.draw(change.data.size()))});
          }
          continue;
        }
        for (std::size_t begin = 0; begin < change.data.size();) {
          const std::size_t end =
              std::min(change.data.size(), begin + kSectorBytes - (change.at + begin) % kSectorBytes);
          if (survives(change.order)) put(content, change.at + begin, change.data.substr(begin, end - begin));
          begin = end;
        }
      }
    }
    return contents;
  }

 private:
  std::vector<File> files_;
  std::map<std::string, std::size_t> names_, synced_names_;  ///< to files
  std::vector<NameChange> unsynced_names_;
  std::size_t order_ = 0;
};

ForgetfulDisk::ForgetfulDisk(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with(".db") && !name.ends_with("-wal") && !name.ends_with("-journal")) continue;
    std::ostringstream content;
    content << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    first_[name] = content.str();
    names_.insert(name);
  }
}

DiskVerdict ForgetfulDisk::before(const DiskStep& step) {
  const DiskVerdict verdict = inner != nullptr ? inner->before(step) : DiskVerdict{};
  const fs::path path = step.path;
  const std::string name = path.filename().string();
  const auto note = [&](std::string_view data) {
    steps_.push_back({step.kind, name, step.at, std::string(data)});
    return verdict;
  };
  if (step.path.empty()) return verdict;  // a temporary file is gone with its process
  if (verdict.code != SQLITE_OK) return verdict.written > 0 ? note(step.data.substr(0, verdict.written)) : verdict;
  switch (step.kind) {
    case Kind::Open:
      // Another part of the program may have made it just now.
      return (step.makes || fs::exists(path)) && names_.insert(name).second ? note({}) : verdict;
    case Kind::Delete: return names_.erase(name) > 0 ? note({}) : verdict;
    case Kind::Write: return note(step.data);
    case Kind::Truncate:
    case Kind::Sync:
    case Kind::SyncFolder: return note({});
    default: return verdict;
  }
}

void ForgetfulDisk::write_remains(std::size_t steps, Loss loss, Course& course, const fs::path& to) const {
  Replay replay(first_);
  for (std::size_t i = 0; i < steps; ++i) replay.take(steps_.at(i));
  for (const auto& [name, content] : replay.remains(loss, course)) {
    std::ofstream(to / name, std::ios::binary) << content;
  }
}

}  // namespace galproc
