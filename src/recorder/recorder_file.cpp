// The file that is recorded to: it is opened anew when it was moved, replaced, hurt, or its -wal taken away.

#include <fmt/format.h>

#include <algorithm>

#include "model/errors.h"
#include "recorder/recorder.h"
#include "store/database.h"
#include "store/ledger.h"

namespace galproc {

namespace {

/// How often a checkpoint that a reader holds back is tried again.
constexpr std::int64_t kRetryUs = 100'000;

int busy_ms_for(std::int64_t interval_us) {
  return static_cast<int>(std::clamp<std::int64_t>(interval_us / 2000, 5, 250));
}

/// No two recorders of one file: this one ends.
class HeldByAnother : public Error {
 public:
  using Error::Error;
};

}  // namespace

void Recorder::refuse_if_not_ours() {
  FileKind kind = FileKind::Ours;
  try {
    kind = examine_file(options_.database);
  } catch (const SQLite::Exception&) {
    return;  // locked, or unreadable just now: opening it will tell
  }
  if (kind == FileKind::Newer) throw NewerSchema("a newer galproc has migrated the file");
  if (kind == FileKind::Foreign) {
    throw Error(ExitCode::Failed,
                "The file " + options_.database.string() +
                    " is not a galproc database, so it was left untouched. Name another file with --db.");
  }
}

void Recorder::take_lock() {
  platform_.make_shared_file(recorder_lock_path(options_.database));  // who may read may see who records
  lock_.reset();  // closing it later, were it the same file after all, would give up the new one too
  LockResult result = platform_.lock_file(recorder_lock_path(options_.database));
  if (!result.lock) {
    throw HeldByAnother(
        ExitCode::Failed,
        fmt::format("Another recorder, {}, writes to {} already. Stop it first, or name another file with --db.",
                    result.holder_pid > 0 ? fmt::format("pid {}", result.holder_pid) : "in another container",
                    options_.database.string()));
  }
  lock_ = std::move(result.lock);
  locked_ = platform_.file_identity(recorder_lock_path(options_.database));
}

bool Recorder::ensure_open() {
  const DatabaseFiles now = platform_.database_files(options_.database);
  if (recording_ && now.file != opened_.file) {
    leave_moved_file();
  } else if (recording_ && now != opened_) {
    leave_lost_wal();
  }
  if (recording_) return true;
  try {
    // Whoever took the lock file away with the folder, or with the file, left the name open to a second recorder.
    if (!lock_ || platform_.file_identity(recorder_lock_path(options_.database)) != locked_) take_lock();
    open_file();
    return true;
  } catch (const HeldByAnother&) {
    throw;
  } catch (const SQLite::Exception& error) {
    if (!started_ && fault_of(error) == StoreFault::Lost) {
      throw Error(ExitCode::Failed, fmt::format("The database {} cannot be written: {}. Name another file with --db.",
                                                options_.database.string(), describe(error)));
    }
    handle(error);
  } catch (const Error& error) {
    // At the start the user is there to be told; later the machine goes on being looked at, and the file may come back.
    if (!started_) throw;
    wait_for(Waiting::ForFile, std::string("cannot be opened: ") + error.what());
  } catch (const std::filesystem::filesystem_error& error) {
    if (!started_) throw Error(ExitCode::Failed, error.what());
    wait_for(Waiting::ForFile, std::string("cannot be opened: ") + error.what());
  }
  return false;
}

void Recorder::leave_moved_file() {
  const std::int64_t now_us = platform_.clocks().wall_us;
  warn("The file " + options_.database.string() +
       " was renamed, replaced or deleted: recording goes on in a new one there.");
  gaps_.push_back({"file_moved", last_stored_us_.value_or(now_us), now_us,
                   "The file was renamed, replaced or deleted while it was recorded to."});
  try {
    recording_->end(last_stored_us_.value_or(now_us), "file_moved");
    // SQLite leaves the -wal of a moved file alone, and the new file at the old name would remove it.
    // A reader holds it back: it is waited for, for as long as a look may be late.
    for (int tries = 0; !recording_->checkpoint() && tries < 10; ++tries) {
      platform_.sleep_until(platform_.clocks().boot_us + kRetryUs);
    }
  } catch (const SQLite::Exception&) {
    // Whoever took the old file away owns it now; the gap in the new one tells the same.
  }
  recording_.reset();
}

void Recorder::leave_lost_wal() {
  const std::int64_t now_us = platform_.clocks().wall_us;
  const std::string what = "Its -wal or -shm was removed or replaced while it was recorded to";
  std::error_code missing;
  const auto size = std::filesystem::file_size(options_.database.string() + "-wal", missing);
  try {
    // What stands in the lost one alone is saved, unless another was written since, which goes on from what it found. A
    // reader holds that back: until it is over, recording goes on in the lost one, and who acts waits.
    if ((missing || size == 0) && !recording_->checkpoint()) return;
  } catch (const SQLite::Exception& error) {
    if (fault_of(error) == StoreFault::Busy) return;
    // Else it is a hole, and there is a row of that.
  }
  warn(fmt::format("The database {} is opened anew: {}.", options_.database.string(), what));
  gaps_.push_back({"file_moved", last_stored_us_.value_or(now_us), now_us, what + "."});
  recording_->abandon();
  recording_.reset();
  unended_reason_ = "file_moved";
}

void Recorder::open_file() {
  const std::filesystem::path& path = options_.database;
  if (!damaged_) refuse_if_not_ours();
  FileKind kind = damaged_ ? FileKind::Damaged : examine_file(path);
  if (kind == FileKind::Ours && is_torn(path)) kind = FileKind::Damaged;
  if (kind == FileKind::Damaged) {
    move_aside("it was corrupt");
    damaged_ = false;
  }
  if (kind == FileKind::New) {
    if (const auto moved = finish_moving_aside(path))
      tell_of_moving(*moved, "it was corrupt, and the move was cut short");
  }
  platform_.make_shared_file(path);

  RecordingFacts facts;
  facts.host = platform_.host();
  facts.recorder = platform_.self();
  facts.interval_us = options_.interval_us;
  facts.version = options_.version;
  facts.process_source = options_.process_source;
  facts.socket_source = socket_source_;
  facts.event_source = options_.event_source;
  facts.reasons = reasons_;
  facts.limits = facts.host.limits;
  if (events_) {
    for (std::string& limit : events_->limits()) facts.limits.push_back(std::move(limit));
  }
  facts.most_wal_bytes = options_.most_wal_bytes;
  facts.predecessor = predecessor_;
  facts.unended_reason = unended_reason_;
  // What waited is stored in it: it begins with that.
  const Clocks begun = queue_.empty() ? platform_.clocks() : queue_.front().clocks;
  recording_ = std::make_unique<Recording>(path, facts, begun, options_.redact ? &redactor_ : nullptr,
                                           busy_ms_for(options_.interval_us));
  opened_ = platform_.database_files(path);
  lock_->note(opened_.text());
  predecessor_.reset();
  unended_reason_ = "crashed";
}

void Recorder::move_aside(const std::string& reason) {
  tell_of_moving(move_damaged_aside(options_.database, platform_.clocks().wall_us), reason);
}

void Recorder::tell_of_moving(const std::filesystem::path& moved, const std::string& reason) {
  const std::int64_t now_us = platform_.clocks().wall_us;
  warn(fmt::format("The database {} was corrupt: it was moved to {}, and a new one begins.", options_.database.string(),
                   moved.string()));
  gaps_.push_back({"file_moved", last_stored_us_.value_or(now_us), now_us,
                   fmt::format("The file was moved to {}: {}.", moved.filename().string(), reason)});
  predecessor_ = Predecessor{moved.filename().string(), last_ledger_head(moved)};
}

}  // namespace galproc
