#pragma once

#include "action/plan.h"
#include "cli/command.h"

namespace galproc {

/// How a kill is carried out, whichever verb asked for it.
struct KillMode {
  bool dry_run = false;  ///< print the plan; log and send nothing
  bool yes = false;      ///< do not ask
};

/// Chooses, logs, ends, prints; gives the exit code. `service`: the name of a service whose processes are meant.
/// Throws Error where nothing was done.
ExitCode run_kill(KillRequest request, const std::optional<std::string>& service, const KillMode& mode,
                  const Context& context);

}  // namespace galproc
