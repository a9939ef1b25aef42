#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/reading.h"
#include "platform/linux/bpf_iterators.h"
#include "platform/linux/errors.h"
#include "platform/linux/socket_diag.h"
#include "platform/linux/turns.h"

namespace galproc {

/// Who holds which port, from the kernel's own tables of descriptors by the task_file iterator: all holders at once, a
/// thread with descriptors of its own too, and whoever hides in /proc.
class BpfSocketReader {
 public:
  /// `records` gives galproc_bound_socket of the network namespace with this inode.
  BpfSocketReader(ReadRecords records, std::uint32_t network_namespace);

  /// The rows of SocketReader::read. Descriptors are walked when the kernel's list of sockets is another one, when a
  /// holder ran or is gone, and once in 12 steps of turns; where it was in vain 4 times that a holder ran, every 8
  /// steps for that. So all that may come late is that a process has, or has no more, a socket that someone else holds
  /// too.
  ///
  /// REQUIRES: each pass of one process reader is given, once and in order. Errors are data: without the kernel's list
  /// every pass walks, and a socket that no descriptor stands for is not seen. Throws PlatformError where the walk
  /// fails.
  SocketPass read(const ProcessPass& processes, std::int64_t boot_us = boot_clock_us());

 private:
  struct Held {
    BoundSocket socket;
    ProcessKey holder;
    friend bool operator==(const Held& one, const Held& other) {
      return one.socket.place() == other.socket.place() && one.holder == other.holder;
    }
  };

  bool must_walk(const ProcessPass& processes, bool list_changed);
  /// Fills held_, by place and holder, places_ and holders_.
  void walk();
  /// Fills unheld_: those of listed_ that nobody holds. `errors` takes what failed.
  void find_unheld(ErrorCounter& errors);
  /// The kernel's list; empty where there is none.
  std::optional<std::vector<BoundSocket>> list(ErrorCounter& errors);
  std::vector<SocketReading> rows() const;

  ReadRecords records_;
  std::uint32_t network_namespace_;
  std::int64_t clock_ticks_;
  Turns turns_;
  SocketDiag diag_;
  bool walked_ = false;                             ///< ever, and the last pass came to its end
  std::int64_t walks_in_vain_ = 0;                  ///< one after the other, each since a holder ran
  std::optional<std::vector<BoundSocket>> listed_;  ///< the latest one, by place
  std::vector<Held> held_;                          ///< of the last walk, like what follows
  std::vector<BoundSocket> places_;                 ///< one for each place in held_
  std::vector<ProcessKey> holders_;                 ///< each once
  std::vector<BoundSocket> unheld_;                 ///< by place: no descriptor stands for them
};

}  // namespace galproc
