#pragma once

#include <string>
#include <vector>

namespace galproc {

/// The arguments of a `galproc start` with "[redacted]" for the value of each `--env NAME=VALUE`, also behind others
/// that ran it (`sudo galproc start`); any other argument vector as it is. `own`: they are galproc's, by whatever name
/// it was called. What is behind `--` belongs to the program that is started. Whatever its name is, a variable that
/// somebody gives to a service may be a secret.
std::vector<std::string> without_env_values(std::vector<std::string> arguments, bool own = false);

}  // namespace galproc
