#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "recorder/collector.h"
#include "store/process_store.h"

namespace galproc {

/// Says which row a living process has. What ports and events refer to.
class UpidLookup {
 public:
  virtual ~UpidLookup() = default;
  /// Empty for a process that the tick being written does not know.
  virtual std::optional<std::int64_t> upid_of(const ProcessKey& key) const = 0;
};

/// Births, parents, images, ends and changed samples of processes.
class ProcessCollector : public Collector, public UpidLookup {
 public:
  /// A null redactor stores command lines as they are. REQUIRES: both outlive this object.
  ProcessCollector(SQLite::Database& database, const Redactor* redactor);

  std::string_view name() const override { return "processes"; }
  void write(const TickReading& reading, const Tick& tick) override;
  void committed() override;
  void rolled_back() override;
  /// Those that are dead and were listed by the last look: nobody has waited for them yet.
  std::vector<std::int64_t> listed_dead() const;

  std::optional<std::int64_t> upid_of(const ProcessKey& key) const override;
  /// Whether its end is known, from whomever.
  bool has_ended(const ProcessKey& key) const;

  struct LastKnown {
    std::optional<ProcessUsage> usage;
    std::optional<std::int64_t> peak_resident_bytes;
  };
  /// Its end is told by the kernel, in the open transaction: no tick has to find it. Gives what ticks saw of it.
  LastKnown end_by_event(const ProcessKey& key);
  /// The open transaction, which was of events alone, is committed.
  void events_committed();

 private:
  /// What is committed about one living process.
  struct Known {
    std::int64_t upid = 0;
    std::int64_t started_us = 0;
    std::int64_t parent_pid = -1;
    std::int64_t image_no = 0;
    std::shared_ptr<const ProcessImage> image;
    ProcessUsage usage;
    std::int64_t peak_resident_bytes = 0;
    /// Set while it is listed but cannot be read: when the last reading that could began.
    std::optional<std::int64_t> last_read_us;
    bool ended = false;          ///< its end is stored, its parent has not waited for it yet
    std::uint64_t write_no = 0;  ///< the last write() that saw it
  };
  using KnownProcesses = std::unordered_map<ProcessKey, Known, ProcessKeyHash>;

  const Known* find(const ProcessKey& key) const;
  Known& stage(const ProcessKey& key);
  void meet_new_ones(const ProcessPass& pass, const TickReading& reading, const Tick& tick);
  void meet(const ProcessReading& process, const ProcessPass& pass, const TickReading& reading, const Tick& tick);
  /// Who has a pid in the pass that is being written; null: nobody.
  const ProcessKey* listed(std::int64_t pid, const ProcessPass& pass);
  void write_parents_and_images(const ProcessPass& pass, const Tick& tick);
  void write_image(const ProcessReading& process, const Tick& tick);
  void write_samples(const ProcessPass& pass, const Tick& tick);
  void write_ends(const ProcessPass& pass, const Tick& tick);
  void close_what_earlier_recordings_left(const ProcessPass& pass, const Tick& tick);
  std::unordered_map<std::int64_t, ProcessUsage> last_usage_of_earlier_recordings(const Tick& tick);
  static LastKnown last_known(const Known& known);
  std::int64_t earliest_end_us(const Known& known, const Tick& tick) const;

  SQLite::Database& database_;
  const Redactor* redactor_;
  ProcessStore store_;
  Prepared insert_sample_;

  KnownProcesses known_;
  std::unordered_map<std::int64_t, ProcessKey> key_by_pid_;  ///< of the pass being written, made when somebody asks
  KnownProcesses staged_;                                    ///< new or changed in the open transaction
  std::vector<ProcessKey> gone_;                             ///< to be forgotten with it
  std::uint64_t write_no_ = 0;
  /// When the last committed pass began, and that of the open transaction.
  std::optional<std::int64_t> last_pass_us_, open_pass_us_;
  /// Whether what earlier recordings left open is closed, in the open transaction and for good.
  bool closed_earlier_ = false;
  bool closing_earlier_ = false;
};

}  // namespace galproc
