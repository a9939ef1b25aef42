// A recorder under a service manager: its notifications, and the sandbox of packaging/galproc.service.

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <regex>

#include "support/program.h"
#include "support/puppet.h"

namespace galproc {
namespace {

/// Stands in for systemd.
class Manager {
 public:
  /// `name`: a path, or one of the abstract namespace, which begins with @.
  explicit Manager(const std::string& name) : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path, sizeof address.sun_path - 1);
    if (name.front() == '@') address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), length), 0) << name;
    const timeval bound{60, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
  }
  ~Manager() { ::close(socket_); }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  /// The next datagram; empty when none comes.
  std::string hear() const {
    char bytes[4096];
    const ssize_t size = ::recv(socket_, bytes, sizeof bytes, 0);
    return size > 0 ? std::string(bytes, static_cast<std::size_t>(size)) : "";
  }

 private:
  int socket_;
};

class ProgramServiceManager : public ProgramTest {
 protected:
  static std::string unit() { return std::string(GALPROC_SOURCE_DIR) + "/packaging/galproc.service"; }
  void expect_told(const std::string& name) const {
    const Manager manager(name);
    Program recorder = start({galproc_binary(), "record", "--db", db().string(), "--interval", "1h"},
                             {{"NOTIFY_SOCKET=" + name, "WATCHDOG_USEC=200000"}, {}});
    EXPECT_EQ(manager.hear(), "READY=1\nSTATUS=Recording to " + db().string() + ".");
    for (int i = 0; i < 3; ++i) EXPECT_EQ(manager.hear(), "WATCHDOG=1");
    EXPECT_EQ(recorder.stop(), 0) << recorder.err();
    std::string last;
    do {
      last = manager.hear();
    } while (last == "WATCHDOG=1");
    EXPECT_EQ(last, "STOPPING=1");
  }
};

TEST_F(ProgramServiceManager, IsToldByASocketInAFolderAndByOneWithoutAPlace) {
  expect_told((folder_ / "notify").string());
  expect_told("@" + (folder_ / "notify").string());
}

TEST_F(ProgramServiceManager, ThatIsNotThereIsNoHindrance) {
  for (const std::string& name : {(folder_ / "nobody").string(), std::string("@"), std::string(200, '/')}) {
    Program recorder = start({galproc_binary(), "record", "--db", db().string(), "--samples", "1"},
                             {{"NOTIFY_SOCKET=" + name, "WATCHDOG_USEC=soon"}, {}});
    EXPECT_EQ(recorder.wait(), 0) << recorder.err();
  }
}

TEST_F(ProgramServiceManager, ItsUnitIsASandbox) {
  const Ran ran = run({"/bin/sh", "-c", "command -v systemd-analyze"});
  if (ran.exit_code != 0) GTEST_SKIP() << "no systemd-analyze";
  const Ran security =
      run({"/usr/bin/env", "systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=35", unit()});
  EXPECT_EQ(security.exit_code, 0) << security.out << security.err;
  EXPECT_NE(security.out.find("Overall exposure level for galproc.service"), std::string::npos) << security.out;
}

TEST_F(ProgramServiceManager, ItsCapabilitiesAreEnoughForAllSources) {
  if (!is_root()) GTEST_SKIP() << "capabilities can be given up only by who has them";
  std::ifstream file(unit());
  std::string line, kept = "-all";
  while (std::getline(file, line)) {
    if (line.rfind("CapabilityBoundingSet=", 0) != 0) continue;
    const std::regex name("CAP_([A-Z_]+)");
    for (auto found = std::sregex_iterator(line.begin(), line.end(), name); found != std::sregex_iterator(); ++found) {
      std::string lower = (*found)[1];
      std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
      kept += ",+" + lower;
    }
  }
  const auto sources = [&] {
    return ask("SELECT process_source, socket_source, event_source FROM recordings ORDER BY recording_id DESC LIMIT 1");
  };
  const auto denied = [&] {
    return ask("SELECT operation FROM collection_error WHERE error_text = 'Permission denied' ORDER BY operation");
  };
  Puppet listener;
  const int port = listener.listen();
  snapshot();
  const std::string all = sources(), denied_all = denied();
  for (const char* end : {"", "-wal", "-shm"}) fs::remove(db().string() + end);
  const Ran ran = run({"/usr/bin/env", "setpriv", "--bounding-set", kept, "--no-new-privs", galproc_binary(), "record",
                       "--db", db().string(), "--samples", "1"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(sources(), all) << ran.err;
  EXPECT_EQ(ask(fmt::format("SELECT pid FROM port_bindings WHERE port = {}", port)),
            fmt::format("{}\n", listener.pid()));
  EXPECT_EQ(denied(), denied_all) << "who may do everything is denied no less";
}

}  // namespace
}  // namespace galproc
