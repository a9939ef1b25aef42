// Pinning processes: when one is said to be gone, and when it only cannot be had.

#include "platform/linux/control.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <vector>

#include "platform/posix/descriptor.h"
#include "support/puppet.h"

namespace galproc {
namespace {

using Why = OpenedProcess::Why;

/// The limit of open files, until this goes.
class FewFiles {
 public:
  explicit FewFiles(rlim_t most) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit few{most, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &few);
  }
  ~FewFiles() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  FewFiles(const FewFiles&) = delete;
  FewFiles& operator=(const FewFiles&) = delete;

 private:
  rlimit before_{};
};

ProcessKey key_of(pid_t pid) {
  for (const ProcessReading& process : make_platform()->read_processes().processes) {
    if (process.key.pid == pid) return process.key;
  }
  return {};
}

/// The lowest number that a descriptor may get now.
int next_descriptor() {
  const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::close(fd);
  return fd;
}

/// Of those that are open.
int highest_descriptor() {
  int highest = -1;
  for (int fd = 0; fd < 100'000; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) highest = fd;
  }
  return highest;
}

TEST(Control, SaysOfALivingOneThatCannotBeLookedAtThatItFailed) {
  Puppet puppet;
  const ProcessKey key = key_of(puppet.pid());
  const int next = next_descriptor();
  for (int more = 0; more < 3; ++more) {
    SCOPED_TRACE(more);
    OpenedProcess opened;
    {
      const FewFiles few(static_cast<rlim_t>(next + more));
      opened = open_process(key, 0);
    }
    EXPECT_EQ(opened.handle, nullptr);
    EXPECT_EQ(opened.why, Why::Failed);
    EXPECT_EQ(opened.code, EMFILE);
    EXPECT_NE(opened.text, "");
  }
  EXPECT_EQ(open_process(key, 0).why, Why::Opened);
}

TEST(Control, LeavesDescriptorsForReading) {
  Puppet puppet;
  const ProcessKey key = key_of(puppet.pid());
  const auto platform = make_platform();  // raises the limit
  const FewFiles few(static_cast<rlim_t>(next_descriptor() + 20));
  std::vector<std::unique_ptr<ProcessHandle>> handles;
  for (OpenedProcess opened; (opened = open_process(key, 0)).handle;) handles.push_back(std::move(opened.handle));
  EXPECT_GE(handles.size(), 10U);
  const ProcessPass pass = platform->read_processes();
  EXPECT_TRUE(std::any_of(pass.processes.begin(), pass.processes.end(), [&](const ProcessReading& process) {
    return process.key == key && process.image && process.image->user_id;
  }));
}

TEST(Control, SaysOfADeadOneThatItIsGoneWhateverElseFails) {
  Puppet puppet;
  const ProcessKey key = key_of(puppet.pid());
  puppet.end();
  EXPECT_EQ(open_process(key, 0).why, Why::Gone);
  EXPECT_EQ(open_process({key_of(::getpid()).pid, 1}, 0).why, Why::IdentityChanged);
}

TEST(Control, ClosesWhatIsKeptForReadingWhereAHandleNeedsIt) {
  Puppet puppet;
  const auto platform = make_platform();
  ProcessKey key;
  for (int pass = 0; pass < 2; ++pass) {
    for (const ProcessReading& process : platform->read_processes().processes) {
      if (process.key.pid == puppet.pid()) key = process.key;
    }
  }
  // Whoever ended between the passes left a free number among those of the others.
  std::vector<Descriptor> between;
  while (next_descriptor() < highest_descriptor()) between.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const FewFiles few(static_cast<rlim_t>(next_descriptor() + 2));
  EXPECT_EQ(platform->open_process(key).why, Why::Opened);
}

}  // namespace
}  // namespace galproc
