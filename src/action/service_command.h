#pragma once

// Which file a service runs, with which arguments and variables.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "platform/platform.h"

namespace galproc {

struct CommandRequest {
  std::vector<std::string> words;                  ///< program or script, and its arguments
  std::optional<std::string> venv;                 ///< folder of a Python virtual environment, absolute
  std::filesystem::path working_directory;         ///< absolute
  std::vector<std::string> inherited_environment;  ///< NAME=VALUE
  std::vector<std::string> environment;            ///< NAME=VALUE, over the inherited ones
};

struct Command {
  std::filesystem::path program;
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
};

/// With a virtual environment a first word that ends in `.py` or begins with `-` goes to that one's own interpreter,
/// any other is looked up in its `bin`, then in PATH; VIRTUAL_ENV and PATH are what its activation sets, PYTHONHOME is
/// not set. A word with a slash in it is taken from the working directory. GALPROC_SERVICE is `marker`. Throws Error
/// for a program, script, interpreter or environment that is not there.
Command resolve_command(const CommandRequest& request, const std::string& marker, Platform& platform);

/// What a service is called that nobody gave a name: the program's base name, the module's for `-m MODULE`.
std::string default_service_name(const std::vector<std::string>& words);

}  // namespace galproc
