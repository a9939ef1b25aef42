#pragma once

#include <vector>

#include "model/finding.h"
#include "platform/platform.h"

namespace galproc {

/// How it stands with what this kernel and this user's rights let galproc see. `events`: the best source of them, as it
/// was just opened, or why there is none. `readings`: the best of processes and sockets.
std::vector<Finding> diagnose_linux(const OpenedEvents& events, const ReadingSources& readings);

}  // namespace galproc
