#pragma once

// The first moments of a service: does it stay, and does it listen where it was said to?

#include <cstdint>
#include <string>

#include "action/service_start.h"
#include "action/tree.h"

namespace galproc {

class ServiceWatch {
 public:
  /// The service as it was let run.
  struct Started {
    LoggedService service;
    ProcessHandle* handle = nullptr;  ///< of its first process; null: it could not be pinned
    std::int64_t started_boot_us = 0;
    std::int64_t log_size_before = 0;  ///< bytes
  };

  /// Fills `report`, in which the key is set already. REQUIRES: everything outlives this.
  ServiceWatch(Platform& platform, const Redactor& redactor, const ServiceRequest& request, Started started,
               ServiceReport& report);

  /// Until the port that is waited for is seen, or for a second; until all of it has ended at the latest, or a stop is
  /// asked for.
  void run();

 private:
  Wake wait(std::int64_t until_boot_us);
  bool is_any_living(const ProcessPass& pass) const;
  void note_sockets(const ProcessPass& pass);
  bool is_port_seen() const;
  void tell_of_end();
  void tell_of_missing_port();
  std::string name() const;

  Platform& platform_;
  const Redactor& redactor_;
  const ServiceRequest& request_;
  Started started_;
  ServiceReport& report_;
  Tree tree_;
  std::int64_t foreign_holder_ = 0;  ///< pid of somebody else who listens on the port that is waited for
};

}  // namespace galproc
