#pragma once

#include <string>

#include "cli/command.h"

namespace galproc {

/// A row for each check; throws Error when one found something.
ExitCode check_database(const Context& context, bool quick);
/// A consistent copy in a file that must not be there yet.
ExitCode snapshot_database(const Context& context, const std::string& out);
/// The flags of `db prune` as they were typed.
struct PruneFlags {
  std::string older, to_size, actions_before;
  bool dry_run = false;
};

/// One row: what goes, or went, and how much the file holds before and after.
ExitCode prune_database(const Context& context, const PruneFlags& flags);
/// One row: what is kept, since when, and how long the disk lasts at this rate.
ExitCode print_info(const Context& context);

}  // namespace galproc
