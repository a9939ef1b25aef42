#pragma once

// The program in the hands of somebody without privileges, beside those of whoever runs the tests.

#include <sys/stat.h>

#include "support/program.h"

namespace galproc {

constexpr uid_t kNobody = 65534;

/// Runs the program as a user without privileges too.
class NobodyTest : public ProgramTest {
 protected:
  NobodyTest() {
    fs::create_directory(nobodys_);
    if (!is_root()) return;
    ::chmod(folder_.path().c_str(), 0755);
    // The build folder may be out of reach for others.
    fs::copy_file(galproc_binary(), program_);
    ::chmod(program_.c_str(), 0755);
    if (::chown(nobodys_.c_str(), kNobody, kNobody) != 0) ADD_FAILURE() << "chown";
  }
  /// The program as a user without privileges: the one who runs the tests unless that is root.
  Ran as_nobody(Words words, gid_t group = kNobody) const {
    words.insert(words.begin(), is_root() ? program_.string() : galproc_binary());
    Options options;
    if (is_root()) options.before_exec = [group] { become(kNobody, group); };
    const std::string home = nobodys_.string();
    options.environment = {"HOME=" + home, "XDG_STATE_HOME=" + home + "/state", "XDG_CONFIG_HOME=" + home + "/config",
                           "GALPROC_CONFIG="};
    return run(words, options);
  }

  fs::path program_ = folder_ / "galproc";
  fs::path nobodys_ = folder_ / "nobody";
};

}  // namespace galproc
