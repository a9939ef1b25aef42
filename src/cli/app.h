#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace galproc {

/// The whole program: parses `arguments` (without the program's name), runs the verb, gives the exit code. Errors are
/// sentences on `err`. Throws only what is a bug.
int run_galproc(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err);

}  // namespace galproc
