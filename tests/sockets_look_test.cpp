// Which processes a reader of sockets looks into again, and which it leaves alone. The sockets are real, the processes
// that hold them are a made-up folder.

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "platform/linux/sockets.h"
#include "support/sockets.h"

namespace galproc {
namespace {

/// Judges the last of repeated attempts, each of which tells what it saw. Any new socket of anybody on this machine
/// makes the reader search everywhere, so what it does not look into can only be seen while there is none; looking too
/// often, or too seldom, shows in every attempt.
template <class Attempt>
void expect_when_nobody_binds(const std::string& wanted, Attempt attempt) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  std::string seen = attempt();
  while (seen != wanted && std::chrono::steady_clock::now() < end) seen = attempt();
  EXPECT_EQ(seen, wanted);
}

/// Two processes, 7 and 8, of which 7 holds a listener, and a reader that knows them so.
struct World {
  World() {
    processes.processes = {proc.add(7, 1, &listener), proc.add(8, 1)};
    holders();
  }
  std::string holders(std::int64_t boot_us = boot_clock_us()) {
    return holders_of(reader.read(processes, boot_us), Protocol::Tcp, port) + " ";
  }
  void run(std::size_t at, bool ran = true) { processes.processes[at].ran = ran; }

  MadeUpProc proc;
  Descriptor listener = bind_socket(SOCK_STREAM, "127.0.0.1");
  std::int64_t port = port_of(listener);
  SocketReader reader{proc.path()};
  ProcessPass processes;
};

TEST(SocketsLook, OnlyIntoProcessesThatRanOrChangedTheirImage) {
  expect_when_nobody_binds("7; 7;8; 7;8; 8; ", [] {
    World world;
    world.proc.hold(8, world.listener);
    std::string seen = world.holders();
    world.run(1);
    seen += world.holders();
    world.run(1, false);
    world.proc.drop(7);
    seen += world.holders();
    world.processes.processes[0].image = std::make_shared<const ProcessImage>();
    return seen + world.holders();
  });
}

/// How many holders of a listener are found in each of so many passes, all of them by processes that were not seen to
/// run since they were known to hold none: "no more than one new a pass, 24 in all".
std::string turns_of_24(int passes, std::int64_t apart_us) {
  const MadeUpProc proc;
  const Descriptor listener = bind_socket(SOCK_STREAM, "127.0.0.1");
  const std::int64_t port = port_of(listener);
  SocketReader reader(proc.path());
  ProcessPass processes;
  for (std::int64_t pid = 1; pid <= 24; ++pid) processes.processes.push_back(proc.add(pid, 1));
  const std::int64_t begun_us = boot_clock_us();
  const auto count_after = [&](std::int64_t elapsed_us) {
    const auto rows = rows_of(reader.read(processes, begun_us + elapsed_us), Protocol::Tcp, port);
    return rows.empty() ? 0 : static_cast<int>(rows[0].holders.size());
  };
  int known = count_after(0);
  for (std::int64_t pid = 1; pid <= 24; ++pid) proc.hold(pid, listener);
  int most = 0;
  for (int pass = 1; pass <= passes; ++pass) {
    const int before = std::exchange(known, count_after(pass * apart_us));
    most = std::max(most, known - before);
  }
  return "no more than " + std::to_string(most) + " new in a pass, " + std::to_string(known) + " in all";
}

TEST(SocketsLook, OnceForAHiddenHolderAndThenInTurns) {
  expect_when_nobody_binds("no more than 1 new in a pass, 24 in all", [] { return turns_of_24(120, 1'000'000); });
}

TEST(SocketsLook, AtMoreOfThemInATurnWherePassesAreFartherApart) {
  expect_when_nobody_binds("no more than 12 new in a pass, 24 in all",
                           [] { return turns_of_24(10, 12 * Turns::kStepUs); });
  expect_when_nobody_binds("no more than 24 new in a pass, 24 in all",
                           [] { return turns_of_24(1, 120 * Turns::kStepUs); });
}

/// How many passes it takes until 9 is known to hold a listener no more: it has 640 descriptors, and ran once. "at
/// once", "late" (within what its descriptors cost) or "too late".
std::string delay_for_many_descriptors(std::int64_t apart_us) {
  const MadeUpProc proc;
  const Descriptor listener = bind_socket(SOCK_STREAM, "127.0.0.1");
  const std::int64_t port = port_of(listener);
  SocketReader reader(proc.path());
  ProcessPass processes;
  processes.processes = {proc.add(7, 1, &listener), proc.add(9, 1, &listener)};
  for (int fd = 4; fd < 4 + 640; ++fd) proc.hold_file(9, fd);
  std::int64_t now_us = boot_clock_us();
  const std::string first = holders_of(reader.read(processes, now_us), Protocol::Tcp, port);
  proc.drop(9);
  processes.processes[1].ran = true;
  int passes = 1;
  while (holders_of(reader.read(processes, now_us += apart_us), Protocol::Tcp, port) != "7;" && passes < 20) {
    processes.processes[1].ran = false;  // it is not forgotten that it ran
    ++passes;
  }
  return first + (passes == 1 ? " at once" : passes <= 11 ? " late" : " too late");
}

TEST(SocketsLook, TheMoreSeldomIntoOneThatRunsTheMoreDescriptorsItHas) {
  expect_when_nobody_binds("7;9; late", [] { return delay_for_many_descriptors(1'000'000); });
  expect_when_nobody_binds("7;9; at once", [] { return delay_for_many_descriptors(11 * Turns::kStepUs); });
}

TEST(SocketsLook, SeldomIntoOneThatRunsAndHoldsNoneUnlessAHolderIsMissing) {
  expect_when_nobody_binds("late, then at once: 8; ", [] {
    World world;
    world.run(1);
    const auto run_in_vain = [&] {
      bool alone = true;
      for (int pass = 0; pass < 8; ++pass) alone = world.holders() == "7; " && alone;
      return alone;
    };
    if (!run_in_vain()) return std::string("someone else was named");
    world.proc.hold(8, world.listener);
    int passes = 1;
    while (world.holders() != "7;8; " && passes < 20) ++passes;
    if (passes > 8) return std::string("too late");
    if (passes == 1) return std::string("too soon");

    world.proc.drop(8);
    world.run(1);
    if (!run_in_vain()) return std::string("someone else was named, later");
    world.proc.hold(8, world.listener);
    world.proc.drop(7);
    world.run(0);
    return "late, then at once: " + world.holders();
  });
}

}  // namespace
}  // namespace galproc
