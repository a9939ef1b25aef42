// Loads the tracepoint programs and carries their records over. What a kernel lacks is found by trying: of a program
// that has two forms for two kernels the other one is loaded when the first is refused.

#include "platform/linux/bpf_events.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "platform/linux/bpf/records.h"
#include "platform/linux/bpf_object.h"
#include "platform/linux/bpf_records.h"
#include "platform/linux/capabilities.h"
#include "platform/linux/proc_text.h"
#include "platform/linux/tracepoints.h"

namespace galproc {

namespace {

/// A batch of raw records; as events they take three times as much. And how many of them a reader that is held up may
/// let pile up, on top of the ring.
constexpr std::size_t kBatchBytes = 512U * 1024;
constexpr std::size_t kMostBatches = 8;
constexpr int kWhileFullMs = 20;
constexpr std::chrono::milliseconds kAfterError{50};
/// CHLD, CONT, URG, WINCH, and those that stop: none of them can end anybody.
constexpr std::uint64_t kHarmless =
    1ULL << 16 | 1ULL << 17 | 1ULL << 22 | 1ULL << 27 | 1ULL << 18 | 1ULL << 19 | 1ULL << 20 | 1ULL << 21;

/// A program for newer kernels, and the one that stands in for it in others.
struct Form {
  const char* newer;
  const char* older;
};
constexpr Form kForms[] = {{"on_exit_told", "on_exit_counted"}, {"on_victim", "on_victim_pid"}};

/// Whose thread it is; empty: it is gone. A process is its first thread.
std::optional<std::int64_t> process_of_thread(std::int64_t id) {
  constexpr std::size_t kMostBytes = 16384;
  const Descriptor file(::open(fmt::format("/proc/{}/status", id).c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  if (!file || read_whole(file.get(), text, kMostBytes) != 0) return std::nullopt;
  return parse_status(text).process;
}

class BpfEvents : public EventSource {
 public:
  BpfEvents(BpfObject object, std::vector<BpfLink> links, std::vector<std::string> limits, LivingImage living_image,
            std::function<std::optional<std::string>(std::int64_t)> user_name)
      : links_(std::move(links)),
        limits_(std::move(limits)),
        living_image_(std::move(living_image)),
        user_name_(std::move(user_name)),
        lost_by_cpu_(static_cast<std::size_t>(std::max(0, libbpf_num_possible_cpus()))) {
    ring_map_ = object.duplicate_map("ring");
    lost_map_ = object.duplicate_map("lost");
    if (ring_map_ && lost_map_) ring_.reset(ring_buffer__new(ring_map_.get(), &BpfEvents::take, this, nullptr));
    if (!ring_ || !stop_ || lost_by_cpu_.empty()) {
      why_not_ = "the ring of BPF events cannot be read: " + reason_of(errno);
      return;
    }
    // The object itself, ten times as large as what runs, is not needed any more.
    reader_ = std::thread([this] { read(); });
  }
  ~BpfEvents() override {
    ::eventfd_write(stop_.get(), 1);
    if (reader_.joinable()) reader_.join();
    detach_all();
  }

  /// Empty: it works.
  const std::string& why_not() const { return why_not_; }
  std::string name() const override { return "bpf"; }
  std::vector<std::string> limits() const override { return limits_; }

  EventBatch drain() override {
    Records records;
    EventBatch batch;
    {
      const std::lock_guard lock(mutex_);
      const bool emptied = consume();  // what happened before this call is in a batch
      if (!waiting_.empty()) {
        records = std::move(waiting_.front());
        waiting_.pop_front();
      }
      batch.more = !emptied || !waiting_.empty();
      batch.lost_count = std::exchange(overflowed_, 0);
    }
    const std::int64_t ticks = ::sysconf(_SC_CLK_TCK), page = ::sysconf(_SC_PAGESIZE);
    try {
      batch.events.reserve(records.ends.size());
    } catch (const std::exception&) {
      // As many as there is memory for.
    }
    std::size_t begin = 0;
    for (const std::size_t end : records.ends) {
      if (!add(std::span(records.bytes).subspan(begin, end - begin), ticks, page, batch.events)) ++batch.lost_count;
      begin = end;
    }
    try {
      complete(batch.events);
    } catch (const std::exception&) {
      // No memory just now: they stay as the kernel told them.
    }
    batch.lost_count += newly_lost();
    return batch;
  }

 private:
  struct Records {
    std::vector<std::byte> bytes;
    std::vector<std::size_t> ends;  ///< of each record in them
  };
  struct RingFree {
    void operator()(ring_buffer* ring) const { ring_buffer__free(ring); }
  };

  static bool add(std::span<const std::byte> record, std::int64_t ticks, std::int64_t page,
                  std::vector<Event>& events) {
    try {
      auto event = parse_record(record, ticks, page);
      if (event) events.push_back(std::move(*event));
      return event.has_value();
    } catch (const std::exception&) {
      return false;  // there is no memory for it
    }
  }

  /// The kernel waits, for each program that is detached, until nobody can be in it any more: all at once rather than
  /// one after the other.
  void detach_all() {
    std::vector<std::thread> waiting;
    try {
      for (BpfLink& link : links_) waiting.emplace_back([&link] { link.reset(); });
    } catch (const std::exception&) {
      // Without more threads the rest goes one by one, with the object.
    }
    for (std::thread& one : waiting) one.join();
  }

  /// Empties the ring when the kernel says that it fills up; else it waits for drain(), and nobody is woken. Nothing in
  /// here throws: what is read goes through take().
  void read() {
    keep_capabilities(0);
    std::array<pollfd, 2> watched{pollfd{stop_.get(), POLLIN, 0},
                                  pollfd{ring_buffer__epoll_fd(ring_.get()), POLLIN, 0}};
    bool has_room = true;
    while (watched[0].revents == 0) {
      // Without room for more the ring stays as it is, and would be told of at once each time.
      const bool failed = ::poll(watched.data(), has_room ? 2 : 1, has_room ? -1 : kWhileFullMs) < 0 ||
                          (has_room && (watched[1].revents & ~POLLIN) != 0);
      if (failed) std::this_thread::sleep_for(kAfterError);  // it may stay
      const std::lock_guard lock(mutex_);
      has_room = consume();
    }
  }
  /// Takes what is in the ring, as far as there is room for it; the rest stays there, and what then finds no room is
  /// counted by the kernel's side. Whether the ring was emptied. REQUIRES: the lock is held.
  bool consume() {
    if (!is_full()) ring_buffer__consume(ring_.get());
    return !is_full();
  }
  bool is_full() const { return waiting_.size() == kMostBatches && waiting_.back().bytes.size() >= kBatchBytes; }
  static int take(void* self, void* data, std::size_t size) {
    return static_cast<BpfEvents*>(self)->take(static_cast<const std::byte*>(data), size);
  }
  /// Called by way of libbpf, which no exception may cross. Gives an error after the last that there is room for: the
  /// next record stays in the ring.
  int take(const std::byte* data, std::size_t size) noexcept {
    try {
      if (waiting_.empty() || waiting_.back().bytes.size() >= kBatchBytes) waiting_.emplace_back();
      Records& records = waiting_.back();
      records.ends.push_back(records.bytes.size() + size);
      try {
        records.bytes.insert(records.bytes.end(), data, data + size);
      } catch (const std::exception&) {
        records.ends.pop_back();  // what belongs to no end is none
        throw;
      }
    } catch (const std::exception&) {
      ++overflowed_;
    }
    return is_full() ? -ENOSPC : 0;
  }

  /// What the kernel had no room for since the call before. A count that cannot be had just now is told by a later one.
  std::int64_t newly_lost() {
    std::int64_t sum = 0;
    for (std::uint32_t kind = 0; kind < GALPROC_KINDS; ++kind) {
      if (bpf_map_lookup_elem(lost_map_.get(), &kind, lost_by_cpu_.data()) != 0) continue;
      std::int64_t lost = 0;
      for (const std::uint64_t count : lost_by_cpu_) lost += static_cast<std::int64_t>(count);
      sum += lost - std::exchange(told_lost_[kind], lost);
    }
    return sum;
  }

  /// Names users, and asks /proc for the rest of an image: executable, folders, groups. Only the last image of a
  /// process that has not ended since can be had there.
  void complete(std::vector<Event>& events) {
    std::unordered_set<ProcessKey, ProcessKeyHash> settled;
    for (auto event = events.rbegin(); event != events.rend(); ++event) {
      if (const auto* exit = std::get_if<ExitEvent>(&event->what)) settled.insert(exit->process.key);
      if (auto* exec = std::get_if<ExecEvent>(&event->what)) complete(*exec, settled.insert(exec->process.key).second);
      if (auto* signal = std::get_if<SignalEvent>(&event->what)) {
        name_user(signal->sender);
        if (signal->target) name_user(*signal->target);
        if (signal->result == SignalEvent::Result::Refused) find_process(*signal);
      }
      if (auto* fork = std::get_if<ForkEvent>(&event->what)) name_user(fork->child);
    }
  }
  void complete(ExecEvent& exec, bool may_live) {
    name_user(exec.process);
    auto living = may_live ? living_image_(exec.process.key) : nullptr;
    if (living && living->arguments) {
      exec.image = std::move(living);
    } else {
      auto told = std::make_shared<ProcessImage>(*exec.image);
      told->user_name = exec.process.user_name;
      exec.image = std::move(told);
    }
  }
  /// A call that was refused names a number, and that may be one of a thread.
  static void find_process(SignalEvent& signal) {
    const std::int64_t named = signal.target_thread.value_or(signal.target_pid.value_or(0));
    const auto process = named > 0 ? process_of_thread(named) : std::nullopt;
    if (!process) return;
    signal.target_pid = process;
    signal.target_thread.reset();
  }
  void name_user(EventParty& party) {
    if (party.user_id) party.user_name = user_name_(*party.user_id);
  }

  std::vector<BpfLink> links_;
  std::vector<std::string> limits_;
  std::string why_not_;
  LivingImage living_image_;
  std::function<std::optional<std::string>(std::int64_t)> user_name_;
  Descriptor ring_map_, lost_map_;
  std::unique_ptr<ring_buffer, RingFree> ring_;
  std::vector<std::uint64_t> lost_by_cpu_;
  std::array<std::int64_t, GALPROC_KINDS> told_lost_{};  ///< by kind of record

  std::mutex mutex_;  ///< of the reading end of the ring, and of what was read
  std::deque<Records> waiting_;
  std::int64_t overflowed_ = 0;

  Descriptor stop_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::thread reader_;
};

/// Tries the newer forms first, then each in turn by its older one.
BpfObject load(const EventRequest& request, std::string& why_not) {
  constexpr unsigned kWays = 1U << std::size(kForms);
  for (unsigned way = 0; way < kWays; ++way) {
    BpfObject object = BpfObject::open(BpfObject::Which::Tracepoints, why_not);
    if (!object) return object;
    if (request.births_only) object.want_only("on_fork");
    for (std::size_t i = 0; i < std::size(kForms) && !request.births_only; ++i) {
      const bool older = (way >> i & 1) != 0;
      object.want(kForms[i].newer, !older);
      object.want(kForms[i].older, older);
    }
    object.set(galproc_settings{request.all_signals ? ~0ULL : ~kHarmless,
                                std::min<std::uint64_t>(64 * 1024, request.ring_bytes / 4)});
    object.set_ring_bytes("ring", request.ring_bytes);
    if (object.load(why_not)) return object;
  }
  return {};
}

}  // namespace

OpenedEvents open_bpf_events(const EventRequest& request, LivingImage living_image,
                             std::function<std::optional<std::string>(std::int64_t)> user_name) {
  std::string why_not;
  BpfObject object = load(request, why_not);
  if (!object) return {nullptr, why_not};
  std::vector<std::string> limits;
  std::vector<BpfLink> links = attach_all(object, why_not, limits);
  if (links.empty()) return {nullptr, why_not};
  auto source = std::make_unique<BpfEvents>(std::move(object), std::move(links), std::move(limits),
                                            std::move(living_image), std::move(user_name));
  if (!source->why_not().empty()) return {nullptr, source->why_not()};
  return {std::move(source), ""};
}

bool has_bpf_events() {
  return true;
}

}  // namespace galproc
