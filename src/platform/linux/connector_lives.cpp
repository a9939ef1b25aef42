// Who is meant by the pids of the proc connector. A short life may be gone from /proc by the time it is asked for: its
// start is then that of the message of its birth, which the kernel writes microseconds later, and of what it ran
// nothing is known but what it had of its parent.

#include "platform/linux/connector_lives.h"

#include <fcntl.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>

namespace galproc {

namespace {

constexpr std::uint64_t kKernelThread = 0x200000;  // PF_KTHREAD
constexpr std::int64_t kNsPerUs = 1000;

}  // namespace

ConnectorLives::ConnectorLives(Options options)
    : options_(std::move(options)), reader_({options_.proc_root, options_.boottime_offset_ticks, 0}) {
  others_are_hidden_ = !read_stat(1);  // there is always one, and it is root's
}

std::optional<StatLine> ConnectorLives::read_stat(std::int64_t pid) const {
  const std::string path = options_.proc_root + "/" + std::to_string(pid) + "/stat";
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  if (!file || read_whole(file.get(), text, 4096) != 0) return std::nullopt;
  return parse_stat(text);
}

std::optional<EventParty> ConnectorLives::read_party(std::int64_t pid) {
  const auto line = read_stat(pid);
  if (!line) return std::nullopt;
  EventParty party;
  party.key = {pid, line->start_ticks - options_.boottime_offset_ticks};
  party.started_boot_us = ProcessReader::ticks_to_us(party.key.start_token);
  party.parent_pid = line->parent_pid;
  party.name = line->comm;
  party.kernel_thread = (line->flags & kKernelThread) != 0;
  if (options_.births_only) return party;
  const std::string path = options_.proc_root + "/" + std::to_string(pid) + "/status";
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  if (file && read_whole(file.get(), text, 16384) == 0) party.user_id = parse_status(text).effective_uid;
  return party;
}

void ConnectorLives::read_the_living() {
  living_.clear();
  for (const std::int64_t pid : reader_.list()) {
    if (auto party = read_party(pid)) living_.emplace(pid, std::move(*party));
  }
}

EventParty* ConnectorLives::party_of(std::int64_t pid) {
  const auto known = living_.find(pid);
  if (known != living_.end()) return &known->second;
  auto party = read_party(pid);
  return party ? &living_.emplace(pid, std::move(*party)).first->second : nullptr;
}

std::int64_t ConnectorLives::take(const std::vector<ConnectorRecord>& records, std::int64_t boot_less_monotonic_us,
                                  std::int64_t known_from_us, std::vector<Event>& events) {
  using Kind = ConnectorRecord::Kind;
  known_from_us_ = known_from_us;
  untold_count_ = 0;
  for (const ConnectorRecord& record : records) {
    const std::int64_t boot_us = record.at_ns / kNsPerUs + boot_less_monotonic_us;
    const bool is_first_thread = record.pid == record.thread_id;
    switch (record.kind) {
      case Kind::Fork:
        if (is_first_thread) take_fork(record, boot_us, events);
        break;
      case Kind::Exec: take_exec(record, boot_us, events); break;
      case Kind::User:
        if (EventParty* party = party_of(record.pid)) party->user_id = record.user_id;
        break;
      case Kind::Name:
        if (EventParty* party = is_first_thread ? party_of(record.pid) : nullptr) party->name = record.name;
        break;
      case Kind::Exit: take_exit(record, boot_us); break;
      case Kind::Answer:
      case Kind::Other: break;
    }
  }
  // The message of the last thread comes just after /proc has forgotten it.
  std::vector<std::int64_t> over;
  for (auto& [pid, end] : ends_) {
    if (end.is_over) {
      over.push_back(pid);
    } else if (end.is_new) {
      look_for_threads(pid, end);
    }
  }
  for (const std::int64_t pid : over) tell_end(pid, events);
  return untold_count_;
}

bool ConnectorLives::has_ends() const {
  return !options_.births_only &&
         std::any_of(ends_.begin(), ends_.end(), [](const auto& end) { return end.second.is_over; });
}

void ConnectorLives::take_fork(const ConnectorRecord& record, std::int64_t boot_us, std::vector<Event>& events) {
  constexpr std::int64_t kOneOf = 50'000;  // a birth and its message lie so close together, whatever holds them up
  tell_end(record.pid, events);            // of who had this pid before
  const EventParty* parent = party_of(record.parent_pid);
  auto child = read_party(record.pid);
  // Whoever has the pid by now is somebody else if he was born at another time.
  if (child && std::llabs(child->started_boot_us - boot_us) > kOneOf) child.reset();
  const bool is_own = parent && parent->user_id.value_or(options_.user_id) == options_.user_id;
  if (!child && others_are_hidden_ && !is_own) {  // it may live on, and nobody can tell since when
    living_.erase(record.pid);
    return;
  }
  if (!child) {
    child.emplace();
    child->key = {record.pid, boot_us / ProcessReader::ticks_to_us(1)};
    child->started_boot_us = boot_us;
    child->name = "?";
  }
  child->parent_pid = record.parent_pid;
  if (parent) {
    // Read a moment later it may run something else already, as somebody else: that is told by itself.
    child->name = parent->name;
    child->user_id = parent->user_id;
    child->kernel_thread = parent->kernel_thread;
    events.push_back({boot_us, ForkEvent{*parent, *child}});
  } else {
    count_untold(boot_us);
  }
  living_[record.pid] = std::move(*child);
}

void ConnectorLives::take_exec(const ConnectorRecord& record, std::int64_t boot_us, std::vector<Event>& events) {
  ends_.erase(record.pid);  // one of its threads took the place of the first, which alone has ended
  EventParty* party = party_of(record.pid);
  if (!party || options_.births_only) return;
  auto image = reader_.image_of(party->key);
  if (!image) {
    auto unknown = std::make_shared<ProcessImage>();
    unknown->name = "?";
    unknown->user_id = party->user_id;
    image = std::move(unknown);
  }
  constexpr std::size_t kKernelLimit = 15;
  party->name = image->name.substr(0, kKernelLimit);
  if (image->user_id) party->user_id = image->user_id;
  events.push_back({boot_us, ExecEvent{*party, std::move(image)}});
}

void ConnectorLives::take_exit(const ConnectorRecord& record, std::int64_t boot_us) {
  const bool is_first_thread = record.pid == record.thread_id;
  const auto begun = ends_.find(record.pid);
  if (!is_first_thread && begun == ends_.end()) return;  // the process goes on
  End& end = ends_[record.pid];
  end.boot_us = boot_us;
  end.wait_status = record.wait_status;
  end.is_new = true;
}

void ConnectorLives::look_for_threads(std::int64_t pid, End& end) const {
  const auto line = read_stat(pid);
  const auto known = living_.find(pid);
  const bool is_other = line && known != living_.end() &&
                        line->start_ticks - options_.boottime_offset_ticks != known->second.key.start_token;
  end.is_new = false;
  end.is_over = !line || is_other || ((line->state == 'Z' || line->state == 'X') && line->thread_count <= 1);
}

void ConnectorLives::tell_end(std::int64_t pid, std::vector<Event>& events) {
  const auto end = ends_.find(pid);
  if (end == ends_.end()) return;
  const auto known = living_.find(pid);
  if (known != living_.end()) {
    ExitEvent exit;
    exit.process = std::move(known->second);
    exit.wait_status = end->second.wait_status;
    if (!options_.births_only) events.push_back({end->second.boot_us, std::move(exit)});
    living_.erase(known);
  } else {
    count_untold(end->second.boot_us);
  }
  ends_.erase(end);
}

}  // namespace galproc
