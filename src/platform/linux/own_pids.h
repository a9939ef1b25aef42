#pragma once

#include <string>

namespace galproc {

/// Whether the pids that `proc_root` shows are those that system calls of this process take: not so where it is
/// another pid namespace's.
bool shows_own_pids(const std::string& proc_root);

}  // namespace galproc
