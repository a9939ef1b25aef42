// Pinned processes on the machine that runs the test: whose handle it is, what is sent by it, and how long is waited.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <algorithm>
#include <thread>

#include "platform/platform.h"
#include "support/child.h"
#include "support/proc.h"

namespace galproc {
namespace {

using Why = OpenedProcess::Why;

class PlatformControl : public testing::Test {
 protected:
  ProcessKey key_of(pid_t pid) {
    for (const ProcessReading& process : platform_->read_processes().processes) {
      if (process.key.pid == pid) return process.key;
    }
    ADD_FAILURE() << "pid " << pid << " is not seen";
    return {pid, 0};
  }
  std::unique_ptr<ProcessHandle> opened(pid_t pid) {
    OpenedProcess process = platform_->open_process(key_of(pid));
    EXPECT_EQ(process.why, Why::Opened) << process.text;
    return std::move(process.handle);
  }
  std::int64_t in_us(std::int64_t length_us) { return platform_->clocks().boot_us + length_us; }

  static constexpr std::int64_t kFarUs = 60'000'000;
  std::unique_ptr<Platform> platform_ = make_platform();
};

TEST_F(PlatformControl, SeesTheEndOfWhatItSentASignalAndHowItEnded) {
  Child child;
  const auto handle = opened(child.pid());
  ASSERT_TRUE(handle);
  EXPECT_FALSE(handle->has_ended());
  EXPECT_FALSE(handle->wait_status());
  EXPECT_EQ(handle->send(Signal::Terminate).result, Delivery::Result::Sent);
  EXPECT_EQ(platform_->wait_for_ends({handle.get()}, in_us(kFarUs)), Wake::Ended);
  EXPECT_TRUE(handle->has_ended());
  EXPECT_EQ(handle->wait_status(), SIGTERM);
  child.reap();
  EXPECT_TRUE(handle->has_ended());
  const auto after = handle->wait_status();  // told by Linux 6.15 and later
  EXPECT_TRUE(!after || *after == SIGTERM) << *after;
  EXPECT_EQ(handle->send(Signal::Kill).result, Delivery::Result::Gone);
}

TEST_F(PlatformControl, TellsTheExitCodeOfOneThatEndsByItself) {
  const Wire go;
  const Child child([&] { ::_exit(go.wait() ? 7 : 1); });
  const auto handle = opened(child.pid());
  ASSERT_TRUE(handle);
  ASSERT_TRUE(go.send());
  EXPECT_EQ(platform_->wait_for_ends({handle.get()}, in_us(kFarUs)), Wake::Ended);
  EXPECT_EQ(handle->wait_status(), 7 << 8);
}

TEST_F(PlatformControl, GivesNoHandleOfAnotherWhoHasThePidByNow) {
  const Child child;
  ProcessKey key = key_of(child.pid());
  --key.start_token;
  const OpenedProcess process = platform_->open_process(key);
  EXPECT_FALSE(process.handle);
  EXPECT_EQ(process.why, Why::IdentityChanged);
  EXPECT_EQ(::waitpid(child.pid(), nullptr, WNOHANG), 0);
}

TEST_F(PlatformControl, GivesNoHandleOfWhoIsDeadBeItReapedOrNot) {
  Child child;
  const ProcessKey key = key_of(child.pid());
  child.kill();
  child.await(WEXITED);
  const OpenedProcess zombie = platform_->open_process(key);
  EXPECT_FALSE(zombie.handle);
  EXPECT_EQ(zombie.why, Why::Gone);
  child.reap();
  const OpenedProcess reaped = platform_->open_process(key);
  EXPECT_FALSE(reaped.handle);
  EXPECT_EQ(reaped.why, Why::Gone);
}

TEST_F(PlatformControl, GivesNoHandleOfAThreadThatIsNoProcess) {
  std::int64_t thread_id = 0;
  std::thread([&] {
    thread_id = ::syscall(SYS_gettid);
    const OpenedProcess process = platform_->open_process({thread_id, platform_->self().start_token});
    EXPECT_FALSE(process.handle);
    EXPECT_EQ(process.why, Why::Failed);
    EXPECT_FALSE(process.text.empty());
  }).join();
  EXPECT_NE(thread_id, ::getpid());
}

TEST_F(PlatformControl, WaitsToItsBoundForWhoeverGoesOnLiving) {
  const Child child;
  const auto handle = opened(child.pid());
  ASSERT_TRUE(handle);
  const std::int64_t deadline_us = in_us(20'000);
  EXPECT_EQ(platform_->wait_for_ends({handle.get()}, deadline_us), Wake::Deadline);
  EXPECT_GE(platform_->clocks().boot_us, deadline_us);
  EXPECT_EQ(platform_->wait_for_ends({handle.get()}, in_us(-1'000'000)), Wake::Deadline) << "one that is past";
}

TEST_F(PlatformControl, WakesForEachOfSeveralAndAtOnceWhenAllHaveEnded) {
  const Child first, second;
  const auto one = opened(first.pid()), other = opened(second.pid());
  ASSERT_TRUE(one && other);
  second.kill();
  EXPECT_EQ(platform_->wait_for_ends({one.get(), other.get()}, in_us(kFarUs)), Wake::Ended);
  EXPECT_FALSE(one->has_ended());
  EXPECT_TRUE(other->has_ended());
  first.kill();
  EXPECT_EQ(platform_->wait_for_ends({one.get()}, in_us(kFarUs)), Wake::Ended);
  EXPECT_TRUE(one->has_ended());
  EXPECT_EQ(platform_->wait_for_ends({one.get(), other.get()}, in_us(kFarUs)), Wake::Ended);
  EXPECT_EQ(platform_->wait_for_ends({}, in_us(kFarUs)), Wake::Ended);
}

TEST_F(PlatformControl, AStopRequestWakesWhoWaitsForAnEnd) {
  const Child child;
  EXPECT_EQ(in_child([&] {
              const auto handle = opened(child.pid());
              ::signal(SIGINT, SIG_DFL);  // of a job in the background it is ignored, and stays so
              platform_->catch_stop_requests();
              ::kill(::getpid(), SIGINT);
              const Wake wake = platform_->wait_for_ends({handle.get()}, in_us(kFarUs));
              return std::to_string(platform_->stop_signal()) + (wake == Wake::Stop ? " stop" : " no stop");
            }),
            std::to_string(SIGINT) + " stop");
}

TEST_F(PlatformControl, StopsAndContinues) {
  const Child child;
  wait_until_asleep(child.pid());
  const auto handle = opened(child.pid());
  ASSERT_TRUE(handle);
  EXPECT_EQ(handle->send(Signal::Stop).result, Delivery::Result::Sent);
  EXPECT_EQ(child.await(WSTOPPED).si_status, SIGSTOP);
  EXPECT_FALSE(handle->has_ended());
  EXPECT_EQ(platform_->wait_for_ends({handle.get()}, in_us(-1)), Wake::Deadline) << "stopped is not ended";
  EXPECT_EQ(handle->send(Signal::Continue).result, Delivery::Result::Sent);
  EXPECT_EQ(child.await(WCONTINUED).si_status, SIGCONT);
}

TEST_F(PlatformControl, IsDeniedWhatAnotherUserOwns) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can be another user too";
  const Child child;
  EXPECT_EQ(in_child([&]() -> std::string {
              if (!become_nobody()) return "not nobody";
              const auto handle = opened(child.pid());
              if (!handle) return "not opened";
              const Delivery delivery = handle->send(Signal::Kill);
              const bool denied = delivery.result == Delivery::Result::Denied && delivery.code == EPERM;
              return denied && !delivery.text.empty() ? "denied" : "not denied";
            }),
            "denied");
  EXPECT_EQ(::waitpid(child.pid(), nullptr, WNOHANG), 0);
}

TEST_F(PlatformControl, TellsNobodyOfAnExitCodeThatIsNotHisToKnow) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can be another user too";
  const std::string said = in_child([&]() -> std::string {
    const Wire go;
    const Child dying([&] { ::_exit(go.wait() ? 7 : 1); });
    if (!become_nobody()) return "not nobody";
    const auto handle = opened(dying.pid());
    if (!handle || !go.send()) return "not opened";
    platform_->wait_for_ends({handle.get()}, in_us(kFarUs));
    return handle->wait_status() ? "told" : "not told";
  });
  EXPECT_EQ(said, "not told");
}

/// Some processes of a pipeline around this one, in a group of their own; gives whom the platform takes for readers.
class PlatformReaders : public testing::Test {
 protected:
  /// Holds one end of a pipe only, and belongs to a process group, 0 for its own.
  static std::function<void()> holder(const Wire& wire, int held, pid_t group) {
    return [&wire, held, group] {
      ::setpgid(0, group);
      ::close(wire.ends[1 - held]);
    };
  }
  static std::string text_of(const std::vector<std::int64_t>& pids) {
    std::string text;
    for (const std::int64_t pid : pids) text += std::to_string(pid) + " ";
    return text;
  }
};

TEST_F(PlatformReaders, OfItsOutputAreThoseOfItsOwnGroupThatHoldTheEndToReadFrom) {
  const std::string said = in_child([] {
    ::setpgid(0, 0);
    const pid_t own = ::getpid();
    const Wire wire;
    Child reader(holder(wire, 0, own)), writer(holder(wire, 1, own)), stranger(holder(wire, 0, 0));
    for (const Child* each : {&reader, &writer, &stranger}) wait_until_asleep(each->pid());
    std::string text;
    for (const int stream : {STDOUT_FILENO, STDERR_FILENO}) {
      const int before = ::dup(stream);
      ::dup2(wire.ends[1], stream);
      const std::string readers = text_of(make_platform()->readers_of_output());
      ::dup2(before, stream);
      text += readers == std::to_string(reader.pid()) + " " ? "the reader; " : "wrong: " + readers + "; ";
    }
    const std::string unheard = text_of(make_platform()->readers_of_output());
    for (Child* each : {&reader, &writer, &stranger}) each->reap();
    return text + (unheard.empty() ? "nobody" : unheard);
  });
  EXPECT_EQ(said, "the reader; the reader; nobody");
}

TEST_F(PlatformReaders, OfAFileAndOfNothingAreNone) {
  EXPECT_EQ(in_child([] {
              ::setpgid(0, 0);
              const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
              ::dup2(null, STDOUT_FILENO);
              ::close(STDERR_FILENO);
              return text_of(make_platform()->readers_of_output());
            }),
            "");
}

}  // namespace
}  // namespace galproc
