#include "cli/recordings.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <system_error>

#include "cli/look.h"
#include "platform/environment.h"
#include "store/database.h"

namespace galproc {

namespace fs = std::filesystem;

namespace {

struct Reading {
  Reading(const fs::path& path, const HostReading& host) : database(open_for_reading(path)), ancestry(database, host) {}
  SQLite::Database database;
  RecordedAncestry ancestry;
};

}  // namespace

Recordings::Recordings(KillLog* log, const fs::path& own_path, const HostReading& host) {
  const StandardPaths paths = standard_paths();
  std::vector<fs::path> others{paths.system_database, paths.user_database};
  if (log) {
    sources_.push_back({own_path, [log]() -> RecordedAncestry& { return log->ancestry(); }});
  } else {
    others.insert(others.begin(), own_path);
  }
  std::error_code failed;
  for (const fs::path& path : others) {
    if (path.empty() || !is_readable(path) || (log && fs::equivalent(path, own_path, failed))) continue;
    try {
      const auto file = std::make_shared<Reading>(path, host);
      sources_.push_back({path, [file]() -> RecordedAncestry& { return file->ancestry; }});
    } catch (const std::runtime_error&) {
      // Not galproc's, or not readable right now: it can tell nothing, and nobody asked for it by name.
    }
  }
}

template <typename Ask>
auto Recordings::first_known(const Ask& ask, std::size_t count) {
  for (std::size_t i = 0; i < std::min(count, sources_.size()); ++i) {
    try {
      if (const auto answer = ask(sources_[i].ancestry())) return answer;
    } catch (const SQLite::Exception& error) {
      problems_.push_back(fmt::format("{} cannot be read, so whom it knows to descend from a target is not found: {}.",
                                      sources_[i].path.string(), describe(error)));
      sources_.erase(sources_.begin() + static_cast<std::ptrdiff_t>(i--));
    }
  }
  return decltype(ask(sources_.front().ancestry()))();
}

CreatorOf Recordings::creator_of(LiveAncestry* live) {
  return [this, live](const ProcessKey& key) {
    const auto creator = live ? live->creator_of(key) : std::nullopt;
    return creator ? creator : first_known([&](RecordedAncestry& ancestry) { return ancestry.creator_of(key); });
  };
}

std::optional<std::int64_t> Recordings::upid_of(const ProcessKey& key) {
  return first_known([&](RecordedAncestry& ancestry) { return ancestry.upid_of(key); }, 1);
}

}  // namespace galproc
