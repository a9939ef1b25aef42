// What is new on the disk is there for good.

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <set>

#include "platform/platform.h"
#include "support/temporary_folder.h"

namespace {
std::set<ino_t> g_synced;
}

/// Stands before the system's own, for this whole program.
extern "C" int fsync(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) == 0) g_synced.insert(status.st_ino);
  return static_cast<int>(::syscall(SYS_fsync, descriptor));
}

namespace galproc {
namespace {

TEST(PlatformFiles, ANewFolderIsThereAfterALossOfPower) {
  const TemporaryFolder folder;
  const auto inode = [](const std::filesystem::path& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
    return status.st_ino;
  };
  make_platform()->make_shared_folder(folder / "new" / "newer");
  EXPECT_TRUE(g_synced.contains(inode(folder.path())));
  EXPECT_TRUE(g_synced.contains(inode(folder / "new")));
}

}  // namespace
}  // namespace galproc
