#pragma once

// Processes as rows: who they are (identity -> upid, for ever), whose children, what they ran, how they ended. One
// place for everyone who may be the first to meet a process.

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>

#include "model/reading.h"
#include "model/redaction.h"
#include "store/statement.h"

namespace galproc {

/// An image as it is stored: valid UTF-8, secrets redacted, texts cut at 64 KiB.
struct ImageRow {
  std::string name;
  std::optional<std::string> executable;
  std::optional<std::string> command_line;
  bool truncated = false;
  std::optional<std::string> cgroup;
  std::optional<std::string> working_directory;
  std::optional<std::string> venv;
  std::optional<std::string> venv_evidence;
  std::optional<std::string> service_marker;
  std::optional<std::int64_t> uid;
  std::optional<std::string> user;
  friend bool operator==(const ImageRow&, const ImageRow&) = default;
};

/// What may be stored of an image. A null redactor stores command lines as they are, but never
/// the variables that a `galproc start` gives to a service.
ImageRow stored_image(const ProcessImage& image, const Redactor* redactor);

/// Who saw something. Stored as these numbers; of several the lowest is the best. The names are in the table witness.
enum class Witness { Event = 1, Action, Poll, Gap, Reboot };

struct ExitRow {
  Witness source = Witness::Poll;
  std::optional<std::int64_t> tick_id;
  std::int64_t ended_us = 0;
  std::optional<std::int64_t> ended_after_us;
  std::optional<std::int64_t> wait_status;  ///< as wait(2) encodes it
  std::optional<ProcessUsage> usage;        ///< last known
  std::optional<std::int64_t> peak_resident_bytes;
  bool final = false;
};

/// REQUIRES for everything that writes: a BEGIN IMMEDIATE transaction is open.
class ProcessStore {
 public:
  explicit ProcessStore(SQLite::Database& database);

  /// Parents and images that are stored from now on are those of this tick, or are older than it and younger than the
  /// one before. Empty, as at first: nobody knows.
  void set_tick(std::optional<std::int64_t> tick_id) { tick_id_ = tick_id; }

  /// The row of this boot, made when it is new.
  std::int64_t boot_id_of(const HostReading& host);

  /// Who a process is, and what its first witness knows of its birth.
  struct FirstSight {
    ProcessKey key;
    std::int64_t started_us = 0;
    bool kernel_thread = false;
    Witness source = Witness::Poll;
    std::int64_t met_us = 0;                  ///< when that was
    std::optional<std::int64_t> parent_upid;  ///< empty where it could not be seen
    std::optional<std::int64_t> parent_pid;   ///< empty where the witness cannot tell
  };
  struct Identity {
    std::int64_t upid = 0;
    bool is_new = false;  ///< nobody had met it before
  };
  /// The same (boot, pid, start token) is the same upid, whoever asks and however often. Of one who is known already
  /// nothing is stored.
  Identity upid_of(std::int64_t boot_id, const FirstSight& sight);

  /// What is learnt of parents after the first sight.
  void add_parent(std::int64_t upid, std::int64_t at_us, Witness source, std::optional<std::int64_t> parent_upid,
                  std::int64_t parent_pid);
  std::optional<std::int64_t> last_parent_pid(std::int64_t upid);

  void add_image(std::int64_t upid, std::int64_t image_no, std::int64_t at_us, const ImageRow& image);
  /// Makes room for a better one of that number.
  void remove_image(std::int64_t upid, std::int64_t image_no);
  /// The first image of a process that does not run a program of its own yet: its parent's. False where that one has
  /// none.
  bool inherit_image(std::int64_t upid, std::int64_t parent_upid, std::int64_t at_us);
  struct NumberedImage {
    std::int64_t image_no = 0;  ///< 0: none is stored
    std::int64_t at_us = 0;
    ImageRow image;
  };
  NumberedImage last_image(std::int64_t upid);

  /// A second row of one source is ignored: the first witness stays.
  void add_exit(std::int64_t upid, const ExitRow& exit);
  /// Whether an event told of its end, or somebody saw that it had ended, rather than only missed it.
  bool has_seen_exit(std::int64_t upid);
  /// Whether an event told of it.
  bool has_told_exit(std::int64_t upid);
  /// Takes back an end that nobody saw, but that followed from not having been seen again: it lives. A recorder that
  /// may see less than another (hidepid) can only conclude so.
  void take_back_concluded_exit(std::int64_t upid);

 private:
  /// The number that stands for a text, given to it when it is new.
  std::optional<std::int64_t> text_id_of(const std::optional<std::string>& text);
  /// The same of a text that is worth sharing only if it comes again: empty at first sight.
  std::optional<std::int64_t> text_id_of_repeated(const std::optional<std::string>& text);

  SQLite::Database& database_;
  Prepared insert_process_, select_process_;
  Prepared insert_parent_, select_parent_;
  Prepared insert_text_, select_text_;
  Prepared insert_image_, inherit_image_, delete_image_, select_image_;
  Prepared insert_exit_, select_seen_exit_, delete_concluded_exit_;
  std::optional<std::int64_t> tick_id_;
  std::unordered_set<std::size_t> once_seen_;  ///< hashes of texts that are not shared yet
};

}  // namespace galproc
