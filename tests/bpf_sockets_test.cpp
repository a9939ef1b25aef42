// Ports by the task_file iterator, beside those of sock_diag and /proc on the same machine.

#include "platform/linux/bpf_sockets.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sched.h>

#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "model/errors.h"
#include "platform/linux/bpf/iterator_records.h"
#include "platform/linux/sockets.h"
#include "platform/platform.h"
#include "support/sockets.h"

namespace galproc {
namespace {

/// A system whose sockets come from the iterator.
class BpfSockets : public testing::Test {
 protected:
  void SetUp() override {
    const ReadingSources sources = bpf_->choose_process_source("bpf");
    if (sources.sockets != "bpf") GTEST_SKIP() << sources.why_not_processes << sources.why_not_sockets;
  }

  /// The rows of a port, which have to be those that /proc and sock_diag give.
  std::vector<SocketReading> rows(Protocol protocol, std::int64_t port) {
    const auto proc = make_platform();
    const ProcessPass processes = bpf_->read_processes();
    const auto found = rows_of(bpf_->read_sockets(processes), protocol, port);
    const auto wanted = rows_of(proc->read_sockets(proc->read_processes()), protocol, port);
    EXPECT_EQ(text_of_rows(found), text_of_rows(wanted));
    return found;
  }
  std::string holders(Protocol protocol, std::int64_t port) {
    rows(protocol, port);
    return holders_of(bpf_->read_sockets({}), protocol, port);
  }

  static std::string text_of_rows(const std::vector<SocketReading>& rows) {
    std::string text;
    for (const SocketReading& row : rows) {
      text += std::string(to_text(row.protocol)) + " " + row.address + " " + std::to_string(row.port) + " in " +
              std::to_string(row.network_namespace) + ":";
      for (const ProcessKey& key : row.holders) {
        text += " " + std::to_string(key.pid) + "/" + std::to_string(key.start_token);
      }
      text += "\n";
    }
    return text;
  }

  const std::unique_ptr<Platform> bpf_ = make_platform();
};

TEST_F(BpfSockets, AreListenersAndBoundOnesOfBothFamilies) {
  for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
    const Protocol protocol = type == SOCK_STREAM ? Protocol::Tcp : Protocol::Udp;
    for (const char* address : {"127.0.0.1", "0.0.0.0", "::1", "::"}) {
      SCOPED_TRACE(std::string(to_text(protocol)) + " " + address);
      const Descriptor socket = bind_socket(type, address);
      if (!socket) continue;  // no IPv6 here
      const auto found = rows(protocol, port_of(socket));
      ASSERT_EQ(found.size(), 1U);
      EXPECT_EQ(found[0].address, address);
      ASSERT_EQ(found[0].holders.size(), 1U);
      EXPECT_EQ(found[0].holders[0], bpf_->self());
    }
  }
}

TEST_F(BpfSockets, ThatAreSharedHaveAllTheirHolders) {
  const Descriptor socket = bind_socket(SOCK_STREAM, "127.0.0.1");
  const std::uint16_t port = port_of(socket);
  const Child one([](int) {}), other([](int) {});
  EXPECT_EQ(holders(Protocol::Tcp, port), text_of({::getpid(), one.pid(), other.pid()}));
}

TEST_F(BpfSockets, ThatShareAPortAreOneRowWithTheHoldersOfAll) {
  const Descriptor first = bind_socket(SOCK_STREAM, "127.0.0.1");
  const std::uint16_t port = port_of(first);
  const Descriptor second = bind_socket(SOCK_STREAM, "127.0.0.1", port);
  ASSERT_TRUE(second);
  EXPECT_EQ(rows(Protocol::Tcp, port).size(), 1U);
  const Child child([&](int wire) {
    const Descriptor third = bind_socket(SOCK_STREAM, "127.0.0.1", port);
    say(wire, third ? "bound" : "not bound");
    hear(wire);
  });
  ASSERT_EQ(hear(child.wire()), "bound");
  EXPECT_EQ(holders(Protocol::Tcp, port), text_of({::getpid(), child.pid()}));
}

TEST_F(BpfSockets, ThatAreConnectedOrNotBoundAreNotThere) {
  const Descriptor server = bind_socket(SOCK_DGRAM, "127.0.0.1");
  const Descriptor client = bind_socket(SOCK_DGRAM, "127.0.0.1");
  const std::uint16_t port = port_of(client);
  EXPECT_EQ(rows(Protocol::Udp, port).size(), 1U);
  ASSERT_TRUE(connect_to(client, port_of(server)));
  EXPECT_TRUE(rows(Protocol::Udp, port).empty());
  const Descriptor listener = bind_socket(SOCK_STREAM, "127.0.0.1");
  const Descriptor caller(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_TRUE(connect_to(caller, port_of(listener)));
  EXPECT_TRUE(rows(Protocol::Tcp, port_of(caller)).empty());
  EXPECT_EQ(rows(Protocol::Tcp, port_of(listener)).size(), 1U);
}

TEST_F(BpfSockets, OfARawKindAreNoPorts) {
  const Descriptor raw(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP));
  if (!raw) GTEST_SKIP() << "this user may not make raw sockets";
  for (const Protocol protocol : {Protocol::Tcp, Protocol::Udp}) EXPECT_TRUE(rows(protocol, IPPROTO_UDP).empty());
}

TEST_F(BpfSockets, OfMptcpAreListenersOfTcp) {
  const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 262));
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (!socket || ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0 ||
      ::listen(socket.get(), 8) != 0) {
    GTEST_SKIP() << "this kernel has no MPTCP";
  }
  EXPECT_EQ(holders(Protocol::Tcp, port_of(socket)), text_of({::getpid()}));
}

TEST_F(BpfSockets, OfOtherNetworkNamespacesAreNotThere) {
  const Child child([](int wire) {
    if (::unshare(CLONE_NEWNET) != 0) return say(wire, "0");
    const Descriptor socket = bind_socket(SOCK_STREAM, "0.0.0.0");
    say(wire, std::to_string(port_of(socket)));
    hear(wire);
  });
  const int port = std::atoi(hear(child.wire()).c_str());
  if (port == 0) GTEST_SKIP() << "this user may not make a network namespace";
  for (const SocketReading& row : bpf_->read_sockets({}).sockets) {
    for (const ProcessKey& key : row.holders) EXPECT_NE(key.pid, child.pid());
  }
}

TEST_F(BpfSockets, OnTheirWayFromOneProcessToAnotherHaveNoHolder) {
  Descriptor socket = bind_socket(SOCK_STREAM, "127.0.0.1");
  const std::uint16_t port = port_of(socket);
  EXPECT_EQ(holders(Protocol::Tcp, port), text_of({::getpid()}));
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
  const Descriptor from(ends[0]), to(ends[1]);
  send_descriptor(from.get(), socket.get());
  socket.reset();
  EXPECT_EQ(holders(Protocol::Tcp, port), "");
  EXPECT_EQ(holders(Protocol::Tcp, port), "");
}

TEST_F(BpfSockets, OfAThreadWithDescriptorsOfItsOwnAreThoseOfItsProcess) {
  const Child child([](int wire) {
    std::thread([wire] {
      if (::unshare(CLONE_FILES) != 0) return say(wire, "0");
      const Descriptor socket = bind_socket(SOCK_STREAM, "127.0.0.1");
      say(wire, std::to_string(port_of(socket)));
      hear(wire);
    }).join();
  });
  const int port = std::atoi(hear(child.wire()).c_str());
  ASSERT_NE(port, 0);
  EXPECT_EQ(holders_of(bpf_->read_sockets({}), Protocol::Tcp, port), text_of({child.pid()}));
}

TEST_F(BpfSockets, AreTheSameRowsAsThoseOfSockDiagOnTheWholeMachine) {
  const Descriptor mine = bind_socket(SOCK_STREAM, "127.0.0.1");
  const auto proc = make_platform();
  // Others open and close theirs meanwhile: two answers of /proc that agree have nothing in between.
  for (int attempt = 0; attempt < 50; ++attempt) {
    const std::string before = text_of_rows(proc->read_sockets(proc->read_processes()).sockets);
    const std::string found = text_of_rows(bpf_->read_sockets({}).sockets);
    if (before != text_of_rows(make_platform()->read_sockets(proc->read_processes()).sockets)) continue;
    EXPECT_EQ(found, before);
    return;
  }
  GTEST_SKIP() << "the sockets of this machine never stood still";
}

/// A reader whose walks are counted and find what the test says, of a listener that is really there.
class MadeUpSockets : public testing::Test {
 protected:
  void hold(std::int64_t pid) {
    galproc_bound_socket record{};
    record.pid = static_cast<std::uint32_t>(pid);
    record.port = port_of(listener_);
    record.family = AF_INET;
    record.address[0] = 127;
    record.address[3] = 1;
    const auto* bytes = reinterpret_cast<const char*>(&record);
    records_.insert(records_.end(), bytes, bytes + sizeof record);
    ProcessReading process;
    process.key = {pid, 0};
    process.ran = false;
    processes_.processes.push_back(process);
  }
  /// Whether a pass walks. Others may bind or close a port at any moment, which makes every pass walk: so the answer is
  /// that of most passes.
  bool walks() {
    int with = 0;
    for (int attempt = 0; attempt < 9; ++attempt) with += walk_in_one() ? 1 : 0;
    return with > 4;
  }
  bool walk_in_one() {
    const int before = walks_;
    last_ = reader_.read(processes_, boot_us_);
    return walks_ > before;
  }

  Descriptor listener_ = bind_socket(SOCK_STREAM, "127.0.0.1");
  std::vector<char> records_;
  ProcessPass processes_;
  SocketPass last_;
  std::int64_t boot_us_ = 1;
  int walks_ = 0;
  BpfSocketReader reader_{[this] {
                            ++walks_;
                            return std::span<const char>(records_);
                          },
                          1};
};

TEST_F(MadeUpSockets, AreWalkedForOnlyWhereSomethingMayHaveChanged) {
  hold(7);
  EXPECT_TRUE(walk_in_one());
  EXPECT_FALSE(walks());
  EXPECT_EQ(holders_of(last_, Protocol::Tcp, port_of(listener_)), "7;");
}

TEST_F(MadeUpSockets, AreWalkedForWhenAHolderIsGone) {
  hold(7);
  walk_in_one();
  processes_.processes[0].key.start_token = 1;  // another one has its pid
  EXPECT_TRUE(walks());
}

TEST_F(MadeUpSockets, AreWalkedForWhenAHolderRanButSeldomWhereThatIsInVain) {
  hold(7);
  walk_in_one();
  processes_.processes[0].ran = true;
  EXPECT_TRUE(walk_in_one());
  for (int pass = 0; pass < 8; ++pass) walk_in_one();
  EXPECT_FALSE(walks());
  // What it shared meanwhile is seen in the end.
  hold(8);
  processes_.processes[0].ran = true;
  for (int pass = 0; pass < 8; ++pass) walk_in_one();
  EXPECT_EQ(holders_of(last_, Protocol::Tcp, port_of(listener_)), "7;8;");
}

TEST_F(MadeUpSockets, AreWalkedForInEachPassWherePassesAreFarApart) {
  hold(7);
  walk_in_one();
  for (int pass = 0; pass < 3; ++pass) {
    boot_us_ += 12 * Turns::kStepUs;
    EXPECT_TRUE(walk_in_one());
  }
}

TEST_F(MadeUpSockets, ThatAreCutShortAreAnError) {
  records_.resize(sizeof(galproc_bound_socket) - 1);
  EXPECT_THROW(reader_.read({}), PlatformError);
}

}  // namespace
}  // namespace galproc
