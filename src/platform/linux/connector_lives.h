#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "model/events.h"
#include "platform/linux/connector_records.h"
#include "platform/linux/processes.h"

namespace galproc {

/// Makes events of what the proc connector tells. Its messages name pids alone: who had one is known from the birth
/// that was told, or read from /proc while it lasts.
class ConnectorLives {
 public:
  struct Options {
    bool births_only = false;
    std::int64_t boottime_offset_ticks = 0;  ///< as ProcessReader::Options
    std::string proc_root = "/proc";
    std::int64_t user_id = 0;  ///< who asks /proc
  };
  explicit ConnectorLives(Options options);

  /// Everybody who lives now; REQUIRED before the first records, and after some were lost.
  void read_the_living();

  /// Records in their order; `boot_less_monotonic_us` dates them by the boot clock. An end is told one call later at
  /// the earliest, when the last of its threads has been heard. Gives how many births and ends after `known_from_us`
  /// (on the boot clock) could not be told, since who they are of is not known any more.
  std::int64_t take(const std::vector<ConnectorRecord>& records, std::int64_t boot_less_monotonic_us,
                    std::int64_t known_from_us, std::vector<Event>& events);
  /// Whether the next call is to tell an end, records or not.
  bool has_ends() const;

  /// Whether /proc shows only the processes of who asks (its mount option hidepid). Then the others' births and ends
  /// are neither told nor counted.
  bool are_others_hidden() const { return others_are_hidden_; }

  std::optional<std::string> user_name(std::int64_t uid) { return reader_.user_name(uid); }

 private:
  /// The end of a process, from the end of its first thread on: others may outlive that one.
  struct End {
    std::int64_t boot_us = 0;
    std::int64_t wait_status = 0;  ///< of the thread that ended last
    bool is_new = true;            ///< nobody has looked since whether threads are left
    bool is_over = false;          ///< none is
  };

  /// Who has a pid; null: nobody who could be asked.
  EventParty* party_of(std::int64_t pid);
  std::optional<EventParty> read_party(std::int64_t pid);
  std::optional<StatLine> read_stat(std::int64_t pid) const;

  void take_fork(const ConnectorRecord& record, std::int64_t boot_us, std::vector<Event>& events);
  void take_exec(const ConnectorRecord& record, std::int64_t boot_us, std::vector<Event>& events);
  void take_exit(const ConnectorRecord& record, std::int64_t boot_us);
  void look_for_threads(std::int64_t pid, End& end) const;
  void tell_end(std::int64_t pid, std::vector<Event>& events);
  void count_untold(std::int64_t boot_us) { untold_count_ += boot_us > known_from_us_ && !others_are_hidden_ ? 1 : 0; }

  Options options_;
  ProcessReader reader_;
  bool others_are_hidden_ = false;
  std::int64_t known_from_us_ = 0;  ///< of this call, as the next
  std::int64_t untold_count_ = 0;
  std::unordered_map<std::int64_t, EventParty> living_;  ///< by pid
  std::map<std::int64_t, End> ends_;                     ///< likewise
};

}  // namespace galproc
