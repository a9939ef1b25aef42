#pragma once

#include <string>

#include "platform/posix/descriptor.h"

namespace galproc {

/// The kernel's files about its tracepoints.
struct Tracefs {
  Descriptor folder;    ///< none: why_not says so
  std::string place;    ///< where it is mounted; empty: nowhere, this one is galproc's own
  std::string why_not;  ///< for inside of a sentence
};

/// One of its own, mounted nowhere: nothing of the machine changes, and it works where nobody has mounted one. Who may
/// not make one takes the one that is mounted.
Tracefs open_tracefs();

}  // namespace galproc
