#include "platform/linux/connector_events.h"

#include <linux/capability.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "model/errors.h"
#include "platform/linux/capabilities.h"
#include "platform/linux/connector_lives.h"
#include "platform/linux/connector_socket.h"

namespace galproc {

namespace {

/// How many events a reader that is held up may let pile up; what comes then stays in the socket's buffer.
constexpr std::size_t kMostWaiting = 20'000;
/// A message takes a whole socket buffer's overhead, and comes for each thread too: so much more room than a ring
/// needs.
constexpr std::size_t kSocketShare = 8;

class ConnectorEvents : public EventSource {
 public:
  ConnectorEvents(ConnectorSocket socket, ConnectorLives lives, std::function<Clocks()> clocks)
      : socket_(std::move(socket)), lives_(std::move(lives)), clocks_(std::move(clocks)) {
    lives_.read_the_living();
    known_from_us_ = clocks_().boot_us;
    reader_ = std::thread([this] { read(); });
  }
  ~ConnectorEvents() override {
    stopping_ = true;
    if (reader_.joinable()) reader_.join();
  }

  std::string name() const override { return "netlink"; }
  std::vector<std::string> limits() const override {
    std::vector<std::string> limits;
    limits.emplace_back(
        "Events by netlink tell of no signal and no sender, and of a life of a few milliseconds often not what it "
        "ran.");
    if (lives_.are_others_hidden()) {
      limits.emplace_back("/proc hides other users' processes (hidepid): of them births and ends are not recorded.");
    }
    return limits;
  }

  EventBatch drain() override {
    EventBatch batch;
    // What happened before this call is in the batch. The message of a last thread may be on its way yet.
    if (step_to_ends()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    {
      const std::lock_guard lock(mutex_);
      step();
      batch.more = !has_room();
      batch.events.swap(events_);
      batch.lost_count = std::exchange(lost_count_, 0);
      try {
        for (Event& event : batch.events) name_users(event);
      } catch (const std::exception&) {
        // No memory just now: numbers stand for the names.
      }
    }
    // An end is told a moment after what followed it.
    std::stable_sort(batch.events.begin(), batch.events.end(),
                     [](const Event& one, const Event& other) { return one.boot_us < other.boot_us; });
    return batch;
  }

 private:
  void read() {
    // It looks at what has just been started.
    keep_capabilities(std::uint64_t{1} << CAP_SYS_PTRACE | std::uint64_t{1} << CAP_DAC_READ_SEARCH);
    using Clock = std::chrono::steady_clock;
    // What has just been started is asked for at once, while it is there. In a storm that would wake this thread for
    // every single message, and so they are taken together.
    constexpr std::chrono::milliseconds kSlot{20};
    constexpr std::size_t kMostAtOnce = 32;
    constexpr int kStopMs = 200;
    auto slot = Clock::now();
    std::size_t taken = 0;
    bool has_ends = false, has_room = true;
    while (!stopping_) {
      if (!has_room) std::this_thread::sleep_for(kSlot);  // poll would give the same at once each time
      pollfd waiting{socket_.descriptor(), POLLIN, 0};
      const int ready = ::poll(&waiting, 1, has_ends ? static_cast<int>(kSlot.count()) : kStopMs);
      // An error may stay, and poll would give it at once each time.
      if (ready < 0 || (ready > 0 && (waiting.revents & POLLIN) == 0)) std::this_thread::sleep_for(kSlot);
      {
        const std::lock_guard lock(mutex_);
        taken += step();
        has_ends = lives_.has_ends();
        has_room = this->has_room();
      }
      if (Clock::now() - slot < kSlot && taken > kMostAtOnce) std::this_thread::sleep_until(slot + kSlot);
      if (Clock::now() - slot >= kSlot) {
        slot = Clock::now();
        taken = 0;
      }
    }
  }

  /// Whether another step is to tell an end.
  bool step_to_ends() {
    const std::lock_guard lock(mutex_);
    step();
    return lives_.has_ends();
  }
  bool has_room() const { return events_.size() < kMostWaiting; }
  /// How many messages it took.
  std::size_t step() noexcept {
    records_.clear();
    if (!has_room()) return 0;
    try {
      tell();
    } catch (const std::exception&) {
      // There is no memory for them; what was told of them already is told twice at most.
      lost_count_ += std::max<std::int64_t>(1, static_cast<std::int64_t>(records_.size()));
    }
    return records_.size();
  }
  void tell() {
    const std::int64_t lost = socket_.receive(records_);
    lost_count_ += lost;
    try {
      if (lost > 0) lives_.read_the_living();
    } catch (const Error&) {
      // /proc cannot be listed just now: whom it does not know, it asks for one by one.
    }
    const Clocks now = clocks_();
    lost_count_ += lives_.take(records_, now.boot_us - now.monotonic_us, known_from_us_, events_);
  }

  void name_users(Event& event) {
    const auto name = [this](EventParty& party) {
      if (party.user_id) party.user_name = lives_.user_name(*party.user_id);
    };
    if (auto* fork = std::get_if<ForkEvent>(&event.what)) name(fork->child);
    if (auto* exec = std::get_if<ExecEvent>(&event.what)) name(exec->process);
    if (auto* exit = std::get_if<ExitEvent>(&event.what)) name(exit->process);
  }

  ConnectorSocket socket_;
  ConnectorLives lives_;
  std::function<Clocks()> clocks_;
  std::int64_t known_from_us_ = 0;  ///< whoever lives since then is known

  std::mutex mutex_;  ///< of everything below and above
  std::vector<ConnectorRecord> records_;
  std::vector<Event> events_;
  std::int64_t lost_count_ = 0;

  std::atomic<bool> stopping_ = false;
  std::thread reader_;
};

}  // namespace

OpenedEvents open_connector_events(const EventRequest& request, std::int64_t boottime_offset_ticks,
                                   std::function<Clocks()> clocks) {
  std::string why_not;
  ConnectorSocket socket = ConnectorSocket::open(kSocketShare * request.ring_bytes, why_not);
  if (!socket) return {nullptr, why_not};
  ConnectorLives lives({request.births_only, boottime_offset_ticks, "/proc", ::geteuid()});
  return {std::make_unique<ConnectorEvents>(std::move(socket), std::move(lives), std::move(clocks)), ""};
}

}  // namespace galproc
