#pragma once

#include <string>
#include <vector>

#include "model/finding.h"
#include "platform/platform.h"

namespace galproc {

/// A source that was just opened, or why it could not be.
struct TriedEvents {
  std::string name;
  OpenedEvents events;
};

/// How it stands with what this kernel and this user's rights let galproc see. `events`: the sources of them, best
/// first. `readings`: the best of processes and sockets.
std::vector<Finding> diagnose_linux(const std::vector<TriedEvents>& events, const ReadingSources& readings);

}  // namespace galproc
