#pragma once

#include <string>

#include "cli/command.h"

namespace galproc {

/// A row for each check; throws Error when one found something.
ExitCode check_database(const Context& context, bool quick);
/// A consistent copy in a file that must not be there yet.
ExitCode snapshot_database(const Context& context, const std::string& out);
/// One object: what is kept, since when, and how long the disk lasts at this rate.
ExitCode print_info(const Context& context);

}  // namespace galproc
