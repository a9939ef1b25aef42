#pragma once

// Whether a process belongs to a Python virtual environment. Pure: paths are compared as they are written, after `.`,
// `..` and doubled slashes are taken out of them, and by whole components; links are not followed.

#include <optional>
#include <string>

#include "model/reading.h"

namespace galproc {

/// Whether `path` lies below `folder`; the folder itself does not. REQUIRES: `folder` is absolute.
bool lies_below(const std::string& path, const std::string& folder);

/// The first that holds of
/// - command_line: an argument or the executable lies below the folder (a relative argument with a slash in it is taken
///   from the working directory; the folder itself as an argument says nothing: `rm -r DIR`),
/// - working_directory: that is the folder or lies below it,
/// - environment: VIRTUAL_ENV is the folder,
/// or empty where none does. REQUIRES: `folder` is absolute.
std::optional<std::string> venv_evidence(const ProcessImage& image, const std::string& folder);

/// The same of a folder that is not there any more, or is no virtual environment any more: command_line where the
/// executable or the first argument lies below it, environment where VIRTUAL_ENV is the folder. Nothing else: whoever
/// merely mentions its path need not belong to it.
std::optional<std::string> gone_venv_evidence(const ProcessImage& image, const std::string& folder);

}  // namespace galproc
