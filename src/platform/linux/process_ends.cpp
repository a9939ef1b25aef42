// How those ended that no event tells of. A pidfd that was opened while its process was there tells it for ever, but
// only once the parent has waited for it: until then the zombie's stat text does, to those who may know. So one is held
// for each process beside its stat file, costs nothing in a pass, and is asked when its process is gone.

#include <sys/syscall.h>
#include <unistd.h>

#include "platform/linux/own_pids.h"
#include "platform/linux/processes.h"
#include "platform/linux/wait_status.h"

namespace galproc {

void ProcessReader::hold_exit_statuses(bool hold) {
  holds_exit_statuses_ = hold && shows_own_pids(options_.proc_root) && tells_wait_statuses();
  if (holds_exit_statuses_) return;
  for (auto& [pid, entry] : entries_) take(entry.pidfd);
}

void ProcessReader::hold_exit_status(std::int64_t pid, Entry& entry) {
  // Without its stat file each look at a process costs twice as much: those come first. And nothing is given back for
  // this: an end without its status is an end all the same.
  if (!holds_exit_statuses_ || kept_ >= options_.kept_descriptors / 2) return;
  keep(entry.pidfd, Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))));
}

void ProcessReader::note_gone(Entry& entry) {
  const Descriptor pidfd = take(entry.pidfd);
  if (!pidfd) return;
  if (const auto status = wait_status_of(pidfd.get())) ends_.push_back({entry.reading.key, *status});
}

void ProcessReader::note_zombie(Entry& entry) {
  const Descriptor pidfd = take(entry.pidfd);
  if (pidfd && !entry.reading.wait_status) entry.reading.wait_status = wait_status_of(pidfd.get());
}

}  // namespace galproc
