// Which processes a reader of sockets looks into again, and which it leaves alone. The sockets are real, the processes
// that hold them are a made-up folder.

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <chrono>

#include "platform/linux/sockets.h"
#include "support/sockets.h"

namespace galproc {
namespace {

/// Repeats `attempt` until it gives true. Any new socket of anybody on this machine makes the reader search everywhere,
/// so what it does not look into can only be seen while there is none; looking too often fails at every attempt.
template <class Attempt>
void expect_when_nobody_binds(Attempt attempt) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!attempt()) {
    if (std::chrono::steady_clock::now() > end) {
      ADD_FAILURE() << "more was looked into than should be, at each attempt";
      return;
    }
  }
}

TEST(SocketsLook, OnlyIntoProcessesThatRanOrChangedTheirImage) {
  expect_when_nobody_binds([] {
    const MadeUpProc proc;
    const Descriptor listener = bind_socket(SOCK_STREAM, "127.0.0.1");
    const std::int64_t port = port_of(listener);
    SocketReader reader(proc.path());
    ProcessPass processes;
    processes.processes = {proc.add(7, 1, &listener), proc.add(8, 1)};
    EXPECT_EQ(holders_of(reader.read(processes), Protocol::Tcp, port), "7;");
    proc.hold(8, listener);
    if (holders_of(reader.read(processes), Protocol::Tcp, port) != "7;") return false;
    processes.processes[1].ran = true;
    EXPECT_EQ(holders_of(reader.read(processes), Protocol::Tcp, port), "7;8;");
    processes.processes[1].ran = false;
    proc.drop(7);
    if (holders_of(reader.read(processes), Protocol::Tcp, port) != "7;8;") return false;
    processes.processes[0].image = std::make_shared<const ProcessImage>();
    EXPECT_EQ(holders_of(reader.read(processes), Protocol::Tcp, port), "8;");
    return true;
  });
}

TEST(SocketsLook, OnceForAHiddenHolderAndThenInTurns) {
  expect_when_nobody_binds([] {
    const MadeUpProc proc;
    const Descriptor listener = bind_socket(SOCK_STREAM, "127.0.0.1");
    const std::int64_t port = port_of(listener);
    SocketReader reader(proc.path());
    ProcessPass processes;
    for (std::int64_t pid = 1; pid <= 24; ++pid) processes.processes.push_back(proc.add(pid, 1));
    EXPECT_EQ(holders_of(reader.read(processes), Protocol::Tcp, port), "");
    for (std::int64_t pid = 1; pid <= 24; ++pid) proc.hold(pid, listener);
    std::size_t known = 0;
    for (int pass = 0; pass < 120; ++pass) {
      const auto rows = rows_of(reader.read(processes), Protocol::Tcp, port);
      if (rows.size() != 1 || rows[0].holders.size() > known + 1) return false;
      known = rows[0].holders.size();
    }
    EXPECT_EQ(known, 24U);
    return true;
  });
}

TEST(SocketsLook, TheMoreSeldomIntoOneThatRunsTheMoreDescriptorsItHas) {
  expect_when_nobody_binds([] {
    const MadeUpProc proc;
    const Descriptor listener = bind_socket(SOCK_STREAM, "127.0.0.1");
    const std::int64_t port = port_of(listener);
    SocketReader reader(proc.path());
    ProcessPass processes;
    processes.processes = {proc.add(7, 1, &listener), proc.add(9, 1, &listener)};
    for (int fd = 4; fd < 4 + 640; ++fd) proc.hold_file(9, fd);
    EXPECT_EQ(holders_of(reader.read(processes), Protocol::Tcp, port), "7;9;");
    proc.drop(9);
    processes.processes[1].ran = true;
    int passes = 1;
    while (holders_of(reader.read(processes), Protocol::Tcp, port) != "7;" && passes < 20) {
      processes.processes[1].ran = false;  // it is not forgotten that it ran
      ++passes;
    }
    EXPECT_LE(passes, 11);
    return passes > 1;
  });
}

TEST(SocketsLook, SeldomIntoOneThatRunsAndHoldsNoneUnlessAHolderIsMissing) {
  expect_when_nobody_binds([] {
    const MadeUpProc proc;
    Descriptor listener = bind_socket(SOCK_STREAM, "127.0.0.1");
    const std::int64_t port = port_of(listener);
    SocketReader reader(proc.path());
    ProcessPass processes;
    processes.processes = {proc.add(7, 1, &listener), proc.add(8, 1)};
    processes.processes[1].ran = true;
    for (int pass = 0; pass < 8; ++pass) EXPECT_EQ(holders_of(reader.read(processes), Protocol::Tcp, port), "7;");
    proc.hold(8, listener);
    int passes = 1;
    while (holders_of(reader.read(processes), Protocol::Tcp, port) != "7;8;" && passes < 20) ++passes;
    EXPECT_LE(passes, 8);
    const bool was_late = passes > 1;

    proc.drop(8);
    processes.processes[1].ran = true;
    for (int pass = 0; pass < 8; ++pass) EXPECT_EQ(holders_of(reader.read(processes), Protocol::Tcp, port), "7;");
    proc.hold(8, listener);
    proc.drop(7);
    processes.processes[0].ran = true;
    EXPECT_EQ(holders_of(reader.read(processes), Protocol::Tcp, port), "8;") << "a holder was missing";
    return was_late;
  });
}

}  // namespace
}  // namespace galproc
