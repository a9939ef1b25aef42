#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "model/events.h"
#include "recorder/process_collector.h"
#include "store/process_store.h"

namespace galproc {

/// Events as rows: births, images, ends and signals, of processes that no tick ever saw too.
class EventCollector {
 public:
  /// A null redactor stores command lines as they are. REQUIRES: all outlive this object.
  EventCollector(SQLite::Database& database, ProcessCollector& processes, const Redactor* redactor);

  struct Place {
    std::int64_t recording_id = 0;
    std::int64_t boot_id = 0;
    std::int64_t tick_id = 0;                  ///< the tick that they go with or before
    std::optional<std::int64_t> last_tick_id;  ///< the one before it, in this run
    Clocks clocks;  ///< wall and boot clock of one moment: events are dated by the difference
  };
  /// Events in their order. As with a Collector the rows count only once committed() is called. REQUIRES: a transaction
  /// is open.
  void write(const std::vector<Event>& events, const Place& place);
  /// Ends of those that no look has listed and whose end nobody told: their event was lost, or a command met them that
  /// acted on somebody else. They were born before the look before, and neither look lists them. REQUIRES: the
  /// ProcessCollector has written the same tick before.
  void write_unseen_ends(const ProcessPass& pass, const Tick& tick);
  void committed();
  void rolled_back();

 private:
  struct Met {
    std::int64_t upid = 0;
    std::optional<std::int64_t> forked_us;  ///< it has its parent's image since, and no other
    std::int64_t met_us = 0;
    std::optional<std::int64_t> missed_us;  ///< the look that did not list it
    bool by_action = false;                 ///< a command met it, who may see more than this recorder
  };
  using MetByEvents = std::unordered_map<ProcessKey, Met, ProcessKeyHash>;

  void write(const ForkEvent& fork, std::int64_t at_us);
  void write(const ExecEvent& exec, std::int64_t at_us);
  void write(const ExitEvent& exit, std::int64_t at_us);
  void write(const SignalEvent& signal, std::int64_t at_us);
  void write(const OomEvent& oom, std::int64_t at_us);
  /// Those whom commands have met since the tick before, and that live as far as they know.
  void take_in_met_by_actions(const Tick& tick);
  /// The row of a process that an event names, made when it is new. `parent_upid`, `parent_pid`: its creator, where the
  /// event tells.
  ProcessStore::Identity meet(const EventParty& party, std::int64_t at_us, std::optional<std::int64_t> parent_upid = {},
                              std::optional<std::int64_t> parent_pid = {});
  /// Whether a process runs its first own program so soon that nobody can have seen it run its parent's.
  bool is_first_program(const ProcessKey& key, std::int64_t at_us) const;
  /// Who has a pid now, or had it last.
  std::optional<std::int64_t> latest_with(std::int64_t pid);
  /// Whom a call named that was refused; empty: nobody who is known.
  std::optional<std::int64_t> named_by(const SignalEvent& refused, std::int64_t at_us);
  /// Its row, with an image where there is none yet, and its name: whole where the kernel cut it.
  std::int64_t meet_by_signal(const EventParty& party, std::int64_t at_us, std::string& name);
  void add_bare_image(std::int64_t upid, const EventParty& party, std::int64_t at_us);

  ProcessCollector& processes_;
  const Redactor* redactor_;
  ProcessStore store_;
  Prepared insert_signal_, mark_oom_, select_latest_, select_living_, select_process_, select_name_, select_met_,
      select_newest_;

  Place place_;
  MetByEvents born_;  ///< those that live and that no look has listed
  MetByEvents staged_;
  std::vector<ProcessKey> gone_;
  std::optional<std::int64_t> newest_upid_, open_newest_upid_;  ///< of the last tick, and of the open transaction
  std::unordered_set<ProcessKey, ProcessKeyHash> run_another_;  ///< of the batch: those that run a program of their own
};

}  // namespace galproc
