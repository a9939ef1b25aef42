#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "model/redaction.h"
#include "platform/platform.h"
#include "recorder/recording.h"

namespace galproc {

struct RecordOptions {
  std::filesystem::path database;
  std::int64_t interval_us = 5'000'000;
  std::optional<std::int64_t> duration_us;
  std::optional<std::int64_t> samples;
  bool redact = true;
  std::vector<std::string> redact_names;  ///< option and variable names on top of the built-in list
  std::string process_source = "proc";    ///< auto: the best that can be had
  std::string event_source = "none";      ///< auto: the best that can be had
  EventRequest events;
  std::string version;
  std::vector<std::string> source_notes;  ///< why a better source is not in use: whole sentences
  bool quiet = false;
  RecordingLimits limits;
  std::optional<std::int64_t> least_free_bytes;  ///< room that is left to others; empty: by the size of the disk
  std::int64_t most_wal_bytes = kMostWalBytes;   ///< a larger -wal is a gap row
  /// How much memory readings may take while the file cannot be written.
  std::size_t queue_bytes = 32U * 1024 * 1024;
};

/// The loop: look, store, sleep. It outlives a locked file, a full disk and a damaged, moved or deleted file.
class Recorder {
 public:
  /// REQUIRES: `platform` and `talk` outlive this object. Sentences for people go to `talk`.
  Recorder(Platform& platform, RecordOptions options, std::ostream& talk);

  /// Records until it is asked to stop, or `duration` or `samples` are reached. Throws Error where recording cannot go
  /// on: another recorder, a file that is not galproc's or of a newer schema, readings that could not be stored at the
  /// end.
  void run();

 private:
  enum class Waiting { ForNothing, ForLock, ForRoom, ForFile };

  /// Throws Error for a file that is not galproc's, NewerSchema for one that a newer galproc has migrated.
  void refuse_if_not_ours();
  void take_lock();
  void give_up_privileges();
  void loop();
  /// A tick is due, or the last one is taken.
  void look(std::int64_t late_us);
  /// Takes the source of processes and sockets that was asked for, or the best. Throws Error likewise.
  void choose_readings();
  /// Opens the source of events that was asked for, or the best. Throws Error where the very one that was asked for
  /// cannot be had.
  void open_events();
  void drain_events();
  /// The next moment at which the service manager has to hear that all is well; far away where none listens.
  std::int64_t tell_manager_all_is_well();
  void store_events_if_due();
  /// Of a storm, as far as there is time for it.
  void store_last_events(std::int64_t deadline_us);
  void store_waiting_readings();
  void make_room();
  /// Whether the disk is so full that nothing more may be stored. Then the oldest gives way.
  bool lacks_room();
  void keep_reserve(const DiskRoom& room, std::int64_t least_bytes);
  void finish();

  bool ensure_open();
  void open_file();
  void leave_moved_file();
  void leave_lost_wal();
  void handle(const SQLite::Exception& error);
  void move_aside(const std::string& reason);
  void tell_of_moving(const std::filesystem::path& moved, const std::string& reason);
  void drop_oldest_readings();
  void drop_rejected_reading(const SQLite::Exception& error);
  /// Takes the oldest reading off the queue, as one that will be a hole.
  void note_drop();
  std::vector<GapNote> pending_gaps() const;
  void say(const std::string& sentence);  ///< silent with --quiet
  void warn(const std::string& sentence);
  void say_first_line();
  void wait_for(Waiting what, const std::string& why);

  Platform& platform_;
  RecordOptions options_;
  std::ostream& talk_;
  Redactor redactor_;
  std::unique_ptr<FileLock> lock_;
  std::string socket_source_;            ///< the one that is in use
  SourceReasons reasons_;                ///< why no better ones are
  std::unique_ptr<EventSource> events_;  ///< null: there is none
  EventReading pending_;                 ///< drained, and not stored or part of a reading yet
  bool has_more_events_ = false;         ///< the source does
  std::optional<FileIdentity> locked_;
  std::unique_ptr<Recording> recording_;
  DatabaseFiles opened_;
  std::string unended_reason_ = "crashed";  ///< of the runs that have no end when it is opened
  bool lacked_room_ = false;                ///< when it was last looked
  bool deletes_ = true;                     ///< the file allows it
  bool finishing_ = false;
  bool started_ = false;                    ///< the first attempt to open is over
  bool damaged_ = false;                    ///< SQLite said so of a file that this run wrote to
  std::optional<Predecessor> predecessor_;  ///< moved aside, and its successor is not open yet

  std::deque<TickReading> queue_;
  std::size_t queue_bytes_ = 0;
  std::int64_t dropped_count_ = 0;
  std::int64_t dropped_from_us_ = 0;
  bool dropped_for_room_ = false;
  std::vector<GapNote> gaps_;  ///< to be stored with the next tick
  std::optional<std::int64_t> last_stored_us_;
  Waiting waiting_ = Waiting::ForNothing;
  std::string waiting_why_;  ///< of the last one, for inside a sentence
  std::int64_t stored_count_ = 0;
  std::int64_t tell_manager_us_ = 0;  ///< when the service manager is to hear the next time that all is well
};

}  // namespace galproc
