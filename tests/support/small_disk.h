#pragma once

#include <fcntl.h>
#include <sched.h>

#include "support/program.h"
#include "support/puppet.h"

namespace galproc {

/// A small disk that only this test and its children see.
class SmallDisk {
 public:
  explicit SmallDisk(const fs::path& folder, const std::string& size = "32m") : folder_(folder) {
    fs::create_directory(folder);
    error_ = keeper_.mount_small_disk(folder.string(), "size=" + size);
  }
  /// 0 or -errno.
  int error() const { return error_; }
  /// A file of it, as those outside reach it; not SQLite, which follows links by itself.
  fs::path operator/(const std::string& name) const {
    return fs::path(fmt::format("/proc/{}/root", keeper_.pid())) / folder_.relative_path() / name;
  }
  /// Moves the caller inside.
  void enter() const {
    const int space = ::open(fmt::format("/proc/{}/ns/mnt", keeper_.pid()).c_str(), O_RDONLY | O_CLOEXEC);
    if (::setns(space, CLONE_NEWNS) != 0) ::_exit(126);
  }

 private:
  fs::path folder_;
  Puppet keeper_;
  int error_ = 0;
};

}  // namespace galproc
