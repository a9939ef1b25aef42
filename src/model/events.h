#pragma once

// What a kernel tells while it happens: births, images, ends, signals. Plain values, as in reading.h.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "model/reading.h"

namespace galproc {

/// A process, as of the moment of an event.
struct EventParty {
  ProcessKey key;
  std::int64_t started_boot_us = 0;
  std::int64_t parent_pid = 0;  ///< 0: none
  std::optional<std::int64_t> user_id;
  std::optional<std::string> user_name;
  std::string name;  ///< short, raw bytes; Linux: of the thread, cut at 15 bytes
  bool kernel_thread = false;
  bool exiting = false;         ///< on its way out
  bool namespace_init = false;  ///< first process of a pid namespace, which ends with it; known of an exiting one
};

struct ForkEvent {
  EventParty parent, child;
};

/// It runs another program.
struct ExecEvent {
  EventParty process;
  /// Never null. Of one that had ended when it was looked at only what the event itself tells: name, path as it was
  /// asked for, arguments, user.
  std::shared_ptr<const ProcessImage> image;
};

/// Its last thread is dead.
struct ExitEvent {
  EventParty process;
  std::optional<std::int64_t> wait_status;  ///< as wait(2) encodes it
  std::optional<ProcessUsage> usage;        ///< of its whole life; memory is the peak
};

/// A signal that was sent, or that a system call was to send and did not.
struct SignalEvent {
  /// What the system gave along with it.
  enum class Origin { Unnamed, Kernel, Sender };
  /// What became of it at once. Stored as these numbers.
  enum class Result { Delivered, Ignored, Pending, Overflow, InformationLost, Refused };
  /// What the target does with it. Stored as these numbers.
  enum class Disposition { Default, Ignores, Handles };

  EventParty sender;  ///< who ran at that moment: for what the kernel sends by itself anybody
  std::optional<EventParty> target;
  std::optional<std::int64_t> target_pid;  ///< of a refused one: what the call named, below 0 a group; empty: unknown
  std::optional<std::int64_t> target_thread;  ///< instead of it: a thread whose process could not be asked for any more
  std::int64_t signal = 0;
  std::optional<std::int64_t> code;  ///< si_code
  Origin origin = Origin::Sender;
  bool to_group = false;  ///< to a process rather than to one thread
  Result result = Result::Delivered;
  std::optional<Disposition> disposition;
  std::optional<std::int64_t> error;  ///< of the system call, for a refused one
};

/// The signal before it, of that target and that sender, was of the OOM killer.
struct OomEvent {
  std::int64_t victim_pid = 0;
  std::int64_t sender_pid = 0;
};

struct Event {
  std::int64_t boot_us = 0;
  std::variant<ForkEvent, ExecEvent, ExitEvent, SignalEvent, OomEvent> what;
};

/// In the order in which they happened.
struct EventBatch {
  std::vector<Event> events;
  std::int64_t lost_count = 0;  ///< that found no room since the batch before
  bool more = false;            ///< others had happened before, and wait for the next batch
};

}  // namespace galproc
