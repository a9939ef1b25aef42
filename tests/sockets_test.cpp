// Who holds which port, asked of the real kernel: loopback only, ports of the kernel's choice. Where a process has to
// look different from what it is (another start time, other descriptors), a made-up folder stands for /proc.

#include "platform/linux/sockets.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <tuple>

#include "model/errors.h"
#include "support/sockets.h"

namespace galproc {
namespace {

TEST(Sockets, FindsListenersAndBoundOnesOfBothFamiliesWithTheirHolder) {
  struct Case {
    int type;
    const char* address;
  };
  for (const Case& wanted :
       {Case{SOCK_STREAM, "127.0.0.1"}, Case{SOCK_STREAM, "0.0.0.0"}, Case{SOCK_STREAM, "::1"}, Case{SOCK_STREAM, "::"},
        Case{SOCK_DGRAM, "127.0.0.1"}, Case{SOCK_DGRAM, "::1"}, Case{SOCK_DGRAM, "::ffff:127.0.0.1"}}) {
    SCOPED_TRACE(wanted.address);
    const Descriptor socket = bind_socket(wanted.type, wanted.address);
    if (!socket && std::strchr(wanted.address, ':')) continue;  // a machine without IPv6
    ASSERT_TRUE(socket);
    const ProcessPass processes = pass_of({::getpid()});
    const SocketPass pass = SocketReader().read(processes);
    const auto rows = rows_of(pass, wanted.type == SOCK_STREAM ? Protocol::Tcp : Protocol::Udp, port_of(socket));
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].address, wanted.address);
    EXPECT_EQ(rows[0].holders, std::vector{processes.processes[0].key});
    struct stat space {};
    ASSERT_EQ(::stat("/proc/self/ns/net", &space), 0);
    EXPECT_EQ(rows[0].network_namespace, static_cast<std::int64_t>(space.st_ino));
    EXPECT_TRUE(pass.errors.empty());
  }
}

TEST(Sockets, LeavesOutConnectedAndUnboundOnes) {
  const Descriptor listener = bind_socket(SOCK_STREAM, "127.0.0.1");
  const Descriptor client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_TRUE(connect_to(client, port_of(listener)));
  const Descriptor datagrams = bind_socket(SOCK_DGRAM, "127.0.0.1");
  const Descriptor connected = bind_socket(SOCK_DGRAM, "127.0.0.1");
  ASSERT_TRUE(connect_to(connected, port_of(datagrams)));
  const Descriptor unbound(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));

  const SocketPass pass = SocketReader().read(pass_of({::getpid()}));
  EXPECT_EQ(rows_of(pass, Protocol::Tcp, port_of(client)).size(), 0U);
  EXPECT_EQ(rows_of(pass, Protocol::Udp, port_of(connected)).size(), 0U);
  EXPECT_EQ(rows_of(pass, Protocol::Udp, 0).size(), 0U);
  EXPECT_EQ(rows_of(pass, Protocol::Tcp, port_of(listener)).size(), 1U);
  EXPECT_EQ(rows_of(pass, Protocol::Udp, port_of(datagrams)).size(), 1U);
}

TEST(Sockets, NamesAChildThatInheritsAsSecondHolderAndThenAsTheOnlyOne) {
  Descriptor listener = bind_socket(SOCK_STREAM, "127.0.0.1");
  const std::int64_t port = port_of(listener);
  SocketReader reader;
  EXPECT_EQ(holders_of(reader.read(pass_of({::getpid()})), Protocol::Tcp, port), text_of({::getpid()}));
  const Child child([](int) {});
  EXPECT_EQ(holders_of(reader.read(pass_of({::getpid(), child.pid()}, false)), Protocol::Tcp, port),
            text_of({::getpid(), child.pid()}));
  listener.reset();
  EXPECT_EQ(holders_of(reader.read(pass_of({::getpid(), child.pid()})), Protocol::Tcp, port), text_of({child.pid()}));
}

TEST(Sockets, MakesOneRowOfAPortThatIsSharedWithinAProcessOrBetweenTwo) {
  const Descriptor first = bind_socket(SOCK_STREAM, "127.0.0.1");
  const std::uint16_t port = port_of(first);
  const Descriptor second = bind_socket(SOCK_STREAM, "127.0.0.1", port);
  ASSERT_TRUE(second);
  SocketReader reader;
  EXPECT_EQ(holders_of(reader.read(pass_of({::getpid()})), Protocol::Tcp, port), text_of({::getpid()}));

  const Descriptor one = bind_socket(SOCK_DGRAM, "127.0.0.1");
  const Descriptor elsewhere = bind_socket(SOCK_DGRAM, "127.0.0.2", port_of(one));
  const Descriptor again =
      bind_socket(SOCK_DGRAM, "127.0.0.1", port_of(one));  // the kernel lists the three in this order
  const auto rows = rows_of(reader.read(pass_of({::getpid()})), Protocol::Udp, port_of(one));
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].address + " " + rows[1].address, "127.0.0.1 127.0.0.2");
  EXPECT_EQ(rows[0].holders, rows[1].holders);

  const Descriptor datagrams = bind_socket(SOCK_DGRAM, "127.0.0.1");
  const Child child([&](int wire) {
    const Descriptor its_own = bind_socket(SOCK_DGRAM, "127.0.0.1", port_of(datagrams));
    ::close(datagrams.get());
    say(wire, "bound");
    while (true) ::pause();
  });
  ASSERT_EQ(hear(child.wire()), "bound");
  EXPECT_EQ(holders_of(reader.read(pass_of({::getpid(), child.pid()})), Protocol::Udp, port_of(datagrams)),
            text_of({::getpid(), child.pid()}));
}

TEST(Sockets, GivesRowsInOrderAndTheSameTwice) {
  std::vector<Descriptor> sockets;
  for (int i = 0; i < 20; ++i) sockets.push_back(bind_socket(i % 2 ? SOCK_DGRAM : SOCK_STREAM, "127.0.0.1"));
  SocketReader reader;
  const auto key = [](const SocketReading& row) { return std::make_tuple(row.protocol, row.port, row.address); };
  const SocketPass first = reader.read(pass_of({::getpid()}));
  EXPECT_TRUE(std::is_sorted(first.sockets.begin(), first.sockets.end(),
                             [&](const auto& a, const auto& b) { return key(a) < key(b); }));
  const SocketPass second = reader.read(pass_of({::getpid()}, false));
  for (const Descriptor& socket : sockets) {
    EXPECT_EQ(
        rows_of(first, Protocol::Tcp, port_of(socket)).size() + rows_of(first, Protocol::Udp, port_of(socket)).size(),
        rows_of(second, Protocol::Tcp, port_of(socket)).size() +
            rows_of(second, Protocol::Udp, port_of(socket)).size());
  }
}

TEST(Sockets, FindsANewPortOfAProcessThatWasNotSeenToRun) {
  const Child child([](int wire) {
    hear(wire);
    const Descriptor listener = bind_socket(SOCK_STREAM, "127.0.0.1");
    say(wire, std::to_string(port_of(listener)));
    while (true) ::pause();
  });
  SocketReader reader;
  reader.read(pass_of({::getpid(), child.pid()}));
  say(child.wire(), "bind");
  const std::string port = hear(child.wire());
  ASSERT_FALSE(port.empty());
  EXPECT_EQ(holders_of(reader.read(pass_of({::getpid(), child.pid()}, false)), Protocol::Tcp, std::stoll(port)),
            text_of({child.pid()}));
}

TEST(Sockets, FindsAPortThatWasPassedToAProcessThatWasNotSeenToRun) {
  const Child child([](int wire) {
    receive_descriptor(wire);
    say(wire, "received");
  });
  SocketReader reader;
  reader.read(pass_of({::getpid(), child.pid()}));
  Descriptor listener = bind_socket(SOCK_STREAM, "127.0.0.1");
  const std::int64_t port = port_of(listener);
  send_descriptor(child.wire(), listener.get());
  listener.reset();
  ASSERT_EQ(hear(child.wire()), "received");
  EXPECT_EQ(holders_of(reader.read(pass_of({::getpid(), child.pid()}, false)), Protocol::Tcp, port),
            text_of({child.pid()}));
}

TEST(Sockets, FindsTheLastHolderOfAnOldPortWhoseKnownOneLetGo) {
  const Child child([](int wire) {
    receive_descriptor(wire);
    say(wire, "received");
  });
  SocketReader reader;
  Descriptor listener = bind_socket(SOCK_STREAM, "127.0.0.1");
  const std::int64_t port = port_of(listener);
  EXPECT_EQ(holders_of(reader.read({}), Protocol::Tcp, port), "");  // searched for in vain once, then found
  EXPECT_EQ(holders_of(reader.read(pass_of({::getpid(), child.pid()})), Protocol::Tcp, port), text_of({::getpid()}));
  send_descriptor(child.wire(), listener.get());
  listener.reset();
  ASSERT_EQ(hear(child.wire()), "received");
  ProcessPass processes = pass_of({::getpid(), child.pid()}, false);
  processes.processes[0].ran = true;
  EXPECT_EQ(holders_of(reader.read(processes), Protocol::Tcp, port), text_of({child.pid()}));
}

TEST(Sockets, FindsThePortOfAProcessWhoseLeaderEndedBeforeItsThreads) {
  const Child child([](int wire) {
    const Descriptor listener = bind_socket(SOCK_STREAM, "127.0.0.1");
    std::thread([=, port = port_of(listener)] {
      say(wire, std::to_string(port));
      while (true) ::pause();
    }).detach();
    ::syscall(SYS_exit, 0);  // of this thread alone
  });
  const std::string port = hear(child.wire());
  ASSERT_FALSE(port.empty());
  ProcessPass processes = pass_of({child.pid()});
  for (int waited = 0; waited < kBoundMs && stat_text(child.pid()).find(") Z ") == std::string::npos; ++waited)
    ::usleep(1000);
  processes.processes[0].usage.state = ProcessState::Zombie;
  EXPECT_EQ(holders_of(SocketReader().read(processes), Protocol::Tcp, std::stoll(port)), text_of({child.pid()}));
}

TEST(Sockets, CountsDeniedProcessesInOneErrorAndLeavesTheirPortsWithoutHolder) {
  if (::geteuid() != 0) GTEST_SKIP() << "Needs root: only root can start a reader of another user.";
  const Descriptor listener = bind_socket(SOCK_STREAM, "127.0.0.1");
  const Child other([](int) {});
  const Child unprivileged([&](int wire) {
    constexpr uid_t kNobody = 65534;
    if (::setgid(kNobody) != 0 || ::setuid(kNobody) != 0) return;
    SocketReader reader;
    std::string text;
    for (const bool ran : {true, false}) {  // the count stays although nobody is looked into again
      const SocketPass pass = reader.read(pass_of({::getppid(), other.pid()}, ran));
      text += holders_of(pass, Protocol::Tcp, port_of(listener)) + "|";
      for (const ReadError& error : pass.errors) {
        text += error.operation + "," + std::to_string(error.code) + "," + error.text + "," +
                std::to_string(error.count) + "|";
      }
    }
    say(wire, text);
  });
  const std::string once = "|open fd folder," + std::to_string(EACCES) + "," + std::strerror(EACCES) + ",2|";
  EXPECT_EQ(hear(unprivileged.wire()), once + once);
}

TEST(Sockets, KeepsWhatItKnowsWhileNoDescriptorsAreLeft) {
  const Descriptor listener = bind_socket(SOCK_STREAM, "127.0.0.1");
  SocketReader reader;
  reader.read(pass_of({::getpid()}));
  const ProcessPass processes = pass_of({::getpid()});
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const SocketPass pass = reader.read(processes);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(holders_of(pass, Protocol::Tcp, port_of(listener)), text_of({::getpid()}));
  ASSERT_EQ(pass.errors.size(), 1U);
  EXPECT_EQ(pass.errors[0].code, EMFILE);
  EXPECT_EQ(pass.errors[0].count, 1);

  EXPECT_TRUE(reader.read(pass_of({::getpid()}, false)).errors.empty()) << "tried again although it did not run";
}

/// Takes the netlink socket of the only reader away, as a stray close() would.
void break_netlink_socket() {
  const Descriptor nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  for (int fd = 3; fd < 1024; ++fd) {
    int domain = 0;
    socklen_t bytes = sizeof domain;
    if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &bytes) == 0 && domain == AF_NETLINK) {
      ASSERT_EQ(::dup2(nothing.get(), fd), fd);
      return;
    }
  }
  FAIL() << "no netlink socket is open";
}

TEST(Sockets, OpensANewNetlinkSocketWhenTheOldOneFails) {
  const Descriptor listener = bind_socket(SOCK_STREAM, "127.0.0.1");
  SocketReader reader;
  reader.read(pass_of({::getpid()}));
  break_netlink_socket();
  const SocketPass pass = reader.read(pass_of({::getpid()}));
  EXPECT_EQ(holders_of(pass, Protocol::Tcp, port_of(listener)), text_of({::getpid()}));
  EXPECT_TRUE(pass.errors.empty());
}

TEST(Sockets, SaysThatTheyCannotBeListedAndDoesNotForgetWhoRanThen) {
  const MadeUpProc proc;
  const Descriptor listener = bind_socket(SOCK_STREAM, "127.0.0.1");
  SocketReader reader(proc.path());
  ProcessPass processes;
  processes.processes = {proc.add(7, 1, &listener), proc.add(8, 1)};
  EXPECT_EQ(holders_of(reader.read(processes), Protocol::Tcp, port_of(listener)), "7;");
  proc.hold(8, listener);
  processes.processes[1].ran = true;
  break_netlink_socket();
  // The sanitizer looks at the first object of a type through a pipe, which could not be made below.
  EXPECT_THROW(throw PlatformError("", 0), PlatformError);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  EXPECT_THROW(reader.read(processes), PlatformError);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  processes.processes[1].ran = false;
  EXPECT_EQ(holders_of(reader.read(processes), Protocol::Tcp, port_of(listener)), "7;8;");
}

TEST(Sockets, DoesNotBlameAnotherProcessOfTheSamePid) {
  const MadeUpProc proc;
  const Descriptor listener = bind_socket(SOCK_STREAM, "127.0.0.1");
  ProcessPass processes;
  processes.processes = {proc.add(7, 1000, &listener)};
  EXPECT_EQ(holders_of(SocketReader(proc.path()).read(processes), Protocol::Tcp, port_of(listener)), "7;");
  processes.processes[0].key.start_token = 900;
  EXPECT_EQ(holders_of(SocketReader(proc.path()).read(processes), Protocol::Tcp, port_of(listener)), "");
  EXPECT_EQ(holders_of(SocketReader(proc.path(), 100).read(processes), Protocol::Tcp, port_of(listener)), "7;");
  std::ofstream(proc.path() / "7/stat") << "7 (no start";
  EXPECT_EQ(holders_of(SocketReader(proc.path(), 100).read(processes), Protocol::Tcp, port_of(listener)), "");
}

TEST(Sockets, KeepsAProcessThatIsUnreadableAndForgetsOneThatIsNotThere) {
  const MadeUpProc proc;
  const Descriptor listener = bind_socket(SOCK_STREAM, "127.0.0.1");
  const std::int64_t port = port_of(listener);
  SocketReader reader(proc.path());
  ProcessPass processes;
  processes.processes = {proc.add(7, 1, &listener)};
  reader.read(processes);
  processes.processes.clear();
  processes.unreadable_pids = {7};
  EXPECT_EQ(holders_of(reader.read(processes), Protocol::Tcp, port), "7;");
  processes.unreadable_pids.clear();
  EXPECT_EQ(holders_of(reader.read(processes), Protocol::Tcp, port), "");
}

TEST(Sockets, NeverLooksIntoEndedProcessesAndKernelThreads) {
  const MadeUpProc proc;
  const Descriptor listener = bind_socket(SOCK_STREAM, "127.0.0.1");
  ProcessPass processes;
  processes.processes = {proc.add(7, 1, &listener), proc.add(8, 1, &listener), proc.add(9, 1, &listener)};
  processes.processes[0].ended = true;
  processes.processes[1].kernel_thread = true;
  EXPECT_EQ(holders_of(SocketReader(proc.path()).read(processes), Protocol::Tcp, port_of(listener)), "9;");
}

TEST(Sockets, TakesAVanishedProcessForNoError) {
  ProcessPass processes = pass_of({::getpid()});
  std::int64_t pid = 0;
  {
    const Child child([](int) {});
    pid = child.pid();
    processes.processes.push_back(process(pid, true));
  }
  EXPECT_TRUE(SocketReader().read(processes).errors.empty());
}

}  // namespace
}  // namespace galproc
