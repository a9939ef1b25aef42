#pragma once

#include <cstdint>
#include <filesystem>

namespace galproc {

/// The effective capabilities of this process, a bit each; 0 where /proc does not tell. capabilities(7)
std::uint64_t effective_capabilities();

/// Whether this process has one of them by its number: CAP_SYS_PTRACE of <linux/capability.h>.
bool has_capability(int number);

/// From now on this thread has of its capabilities those in `kept`, a bit each, and no more, nor has any program that
/// it might run. Gives 0, or the errno of what failed: then it may have more.
int keep_capabilities(std::uint64_t kept);

/// Gives up what a recorder does not need: all capabilities but those that its sources take, and those without which it
/// could not write to `database`, where that belongs to somebody else; and a dump of its memory, in which the command
/// lines of others are as they were before their secrets were taken out. Of this thread; others do so themselves. Gives
/// 0, or the errno of what failed.
int keep_what_recording_takes(const std::filesystem::path& database);

}  // namespace galproc
