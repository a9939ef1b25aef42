#pragma once

// A machine that lives by itself, by a seed: processes are born, run other programs, change parents and end, pids come
// again, ports change hands, clocks step, the machine sleeps and boots anew. It remembers what was true at its looks.

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "support/fake_platform.h"

namespace galproc {

class SoakWorld : public FakePlatform {
 public:
  /// Lines, each sorted.
  struct Truth {
    std::vector<std::string> pids;
    std::vector<std::string> processes;  ///< "pid parent_pid name"
    std::vector<std::string> tree;       ///< "depth pid parent_pid name"
    std::vector<std::string> ports;      ///< "port pid"
  };
  struct Look {
    Look(std::string of, std::int64_t boot, std::int64_t wall) : boot(std::move(of)), boot_us(boot), at_us(wall) {}
    std::string boot;
    std::int64_t boot_us, at_us;
    bool readable = true;
    /// Every earlier moment had an earlier wall clock, every later one a later: an instant names this look and no
    /// other.
    bool sure = true;
    std::optional<Truth> truth;  ///< of some
  };

  static constexpr std::int64_t kInit = 1, kCaller = 2;  ///< they live as long as the machine
  static constexpr std::int64_t kFirstPort = 8000, kPorts = 12;

  explicit SoakWorld(std::uint64_t seed) : random_(seed) {
    boot_uuid.clear();
    boot();
    on_signal = [this](std::int64_t pid, Signal) {
      const auto victim = before_.find(pid);
      if (victim == before_.end() || processes.contains(pid)) return;
      mourn(victim->second, 9);
      before_.erase(victim);
    };
  }

  std::int64_t between(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
  }
  bool chance(double part) { return std::bernoulli_distribution(part)(random_); }

  /// What happens in the time since the call before.
  void live() {
    constexpr double kMostSeconds = 20;
    const auto elapsed_us = static_cast<double>(now.boot_us - lived_until_us_);
    lived_until_us_ = now.boot_us;
    seconds_ = std::min(kMostSeconds, elapsed_us / 1e6);
    happen(0.25, [&] { bear(); });
    happen(0.25 * static_cast<double>(processes.size()) / kCrowd, [&] { end_one(); });
    happen(0.05, [&] { exec_one(); });
    happen(0.3, [&] { reap(); });
    happen(2, [&] { work(); });
    happen(0.05, [&] { move_port(); });
    happen(0.02, [&] { tell_signal(); });
    if (no_events.empty()) happen(0.2, [&] { live_briefly(); });
    happen(1.0 / 300, [&] { hide_one(); });
    happen(1.0 / 1200, [&] { step_clock(); });
    happen(1.0 / 900, [&] { sleep_deeply(); });
    happen(1.0 / 400, [&] { failing_looks_ = between(1, 3); });
    most_wall_us_ = std::max(most_wall_us_, now.wall_us);
  }

  /// A machine that was switched off for a while.
  void boot() {
    processes.clear();
    sockets.clear();
    dead_.clear();
    forget_what_was_told();
    boot_uuid = "boot-" + std::to_string(++boots_);
    pass_time(between(20, 300) * kSecond);
    now.boot_us = now.monotonic_us = 30 * kSecond;
    lived_until_us_ = now.boot_us;
    add(kInit, 0);
    who.key = add(kCaller, kInit);
    for (int i = 0; i < kCrowd / 2; ++i) bear();
  }

  /// What nobody listens to any more.
  void forget_what_was_told() {
    events.clear();
    ends.clear();
    lost_events = 0;
    unreadable_pids.clear();
  }

  /// Lets somebody else end processes: what follows from that happens too.
  template <typename Act>
  void let(const Act& act) {
    acting_ = true;
    before_ = processes;
    act();
    before_.clear();
    sent.clear();
    deaf.clear();
    acting_ = false;
  }
  bool acting() const { return acting_; }

  /// One that may be ended, where there is one.
  std::optional<std::int64_t> somebody() {
    std::vector<std::int64_t> pids;
    for (const auto& [pid, process] : processes) {
      if (pid > kCaller && !process.ended && !is_hidden(pid)) pids.push_back(pid);
    }
    if (pids.empty()) return std::nullopt;
    return pids[static_cast<std::size_t>(between(0, static_cast<std::int64_t>(pids.size()) - 1))];
  }

  ProcessPass read_processes() override {
    if (!acting_ && failing_looks_ > 0) {
      --failing_looks_;
      look_failed_ = true;
      throw PlatformError("/proc cannot be listed", 23);
    }
    return FakePlatform::read_processes();
  }
  SystemReading read_system(const std::filesystem::path& path) override {
    Look look{boot_uuid, now.boot_us, now.wall_us};
    look.readable = !std::exchange(look_failed_, false);
    look.sure = now.wall_us >= most_wall_us_;
    constexpr double kRemembered = 0.2;
    latest = truth();
    if (look.readable && look.sure && chance(kRemembered)) look.truth = latest;
    looks.push_back(std::move(look));
    ++look_count;
    return FakePlatform::read_system(path);
  }

  bool sets_back = false;  ///< the clock steps back too
  Truth latest;            ///< of the newest look
  std::deque<Look> looks;  ///< oldest first; whoever has no use for the old ones takes them out
  std::int64_t look_count = 0, born_count = 0, event_count = 0, lost_count = 0;

 private:
  static constexpr int kCrowd = 40;
  static constexpr std::int64_t kMostPid = 150;

  template <typename What>
  void happen(double per_second, const What& what) {
    const int times = std::poisson_distribution<int>(per_second * seconds_)(random_);
    for (int i = 0; i < times; ++i) what();
  }
  bool is_hidden(std::int64_t pid) const {
    return std::find(unreadable_pids.begin(), unreadable_pids.end(), pid) != unreadable_pids.end();
  }
  std::string new_name() { return "p" + std::to_string(++names_); }

  ProcessKey add(std::int64_t pid, std::int64_t parent_pid) {
    const ProcessKey key = start(pid, parent_pid, new_name());
    processes.at(pid).started_boot_us = now.boot_us;
    ++born_count;
    return key;
  }
  EventParty party(const ProcessReading& process) const {
    EventParty party;
    party.key = process.key;
    party.started_boot_us = process.started_boot_us;
    party.parent_pid = process.parent_pid;
    party.name = process.image->name;
    party.user_id = process.image->user_id;
    party.user_name = process.image->user_name;
    return party;
  }
  void tell(decltype(Event::what) what) {
    if (!no_events.empty()) return;
    constexpr double kLost = 0.02;
    // Not births: of one whose birth is lost and whose parent's too the parent is known by its number alone.
    if (chance(kLost) && !std::holds_alternative<ForkEvent>(what)) {
      ++lost_events;
      ++lost_count;
      return;
    }
    ++event_count;
    events.push_back({now.boot_us, std::move(what)});
  }

  std::optional<std::int64_t> free_pid() {
    constexpr int kTries = 30;
    for (int i = 0; i < kTries; ++i) {
      const std::int64_t pid = between(kCaller + 1, kMostPid);
      if (!processes.contains(pid)) return pid;
    }
    return std::nullopt;
  }
  void bear() {
    const auto pid = free_pid();
    if (!pid) return;
    const std::int64_t parent_pid = somebody().value_or(kInit);
    add(*pid, parent_pid);
    const ProcessReading& parent = processes.at(parent_pid);
    ProcessReading& child = processes.at(*pid);
    const auto own = std::exchange(child.image, parent.image);
    tell(ForkEvent{party(parent), party(child)});
    constexpr double kRunsAnother = 0.8;
    if (!chance(kRunsAnother)) return;
    child.image = own;
    tell(ExecEvent{party(child), own});
  }
  void end_one() {
    const auto pid = somebody();
    if (!pid) return;
    ProcessReading& process = processes.at(*pid);
    const std::int64_t status = chance(0.5) ? 0 : 256;
    if (chance(0.2)) {  // its parent does not wait for it just now
      process.ended = true;
      process.wait_status = status;
      process.usage.state = ProcessState::Zombie;
      dead_.push_back(*pid);
      mourn(process, status);
      return;
    }
    const ProcessReading gone = process;
    processes.erase(*pid);
    if (holds_exit_statuses && chance(0.5)) ends.push_back({gone.key, status});
    mourn(gone, status);
  }
  void reap() {
    if (dead_.empty()) return;
    processes.erase(dead_.back());
    dead_.pop_back();
  }
  /// Its children get another parent, and its ports are free.
  void mourn(const ProcessReading& gone, std::int64_t status) {
    for (auto& [pid, process] : processes) {
      if (process.parent_pid == gone.key.pid && !process.ended) process.parent_pid = kInit;
    }
    for (SocketReading& socket : sockets) std::erase(socket.holders, gone.key);
    std::erase_if(sockets, [](const SocketReading& socket) { return socket.holders.empty(); });
    tell(ExitEvent{party(gone), status, gone.usage});
  }
  void exec_one() {
    if (const auto pid = somebody()) {
      exec(*pid, {"/bin/" + new_name(), "--of", std::to_string(*pid)});
      tell(ExecEvent{party(processes.at(*pid)), processes.at(*pid).image});
    }
  }
  void work() {
    if (const auto pid = somebody()) {
      run(*pid, between(1, 500) * 1000);
      processes.at(*pid).usage.resident_bytes = between(1, 5000) * 4096;
    }
  }
  void move_port() {
    const auto pid = somebody();
    if (!pid) return;
    const std::int64_t port = between(kFirstPort, kFirstPort + kPorts - 1);
    const auto held =
        std::find_if(sockets.begin(), sockets.end(), [&](const SocketReading& socket) { return socket.port == port; });
    if (held == sockets.end()) return listen(*pid, port);
    if (chance(0.3)) return close_port(port);
    const ProcessKey key = processes.at(*pid).key;
    if (chance(0.3)) held->holders.clear();  // handed over, else shared
    if (std::find(held->holders.begin(), held->holders.end(), key) == held->holders.end()) held->holders.push_back(key);
  }
  void tell_signal() {
    const auto from = somebody(), to = somebody();
    if (!from || !to) return;
    SignalEvent signal;
    signal.sender = party(processes.at(*from));
    signal.target = party(processes.at(*to));
    signal.target_pid = *to;
    signal.signal = between(1, 15);
    tell(std::move(signal));
  }
  /// Born and gone between two looks.
  void live_briefly() {
    const auto pid = free_pid();
    if (!pid) return;
    add(*pid, kCaller);
    const ProcessReading brief = processes.at(*pid);
    processes.erase(*pid);
    tell(ForkEvent{party(processes.at(kCaller)), party(brief)});
    tell(ExecEvent{party(brief), brief.image});
    tell(ExitEvent{party(brief), 0, brief.usage});
  }
  /// For some time somebody who was seen may not be read. Nothing happens to that one, whom nobody could see.
  void hide_one() {
    if (!unreadable_pids.empty()) {
      unreadable_pids.clear();
      return;
    }
    const auto pid = somebody();
    if (!pid || looks.empty() || !looks.back().readable || looks.back().boot != boot_uuid) return;
    const ProcessReading& process = processes.at(*pid);
    const bool was_seen = process.parent_pid == kInit &&
                          std::binary_search(latest.processes.begin(), latest.processes.end(), line_of(process));
    // Of a child that nobody has seen yet the row of an unreadable parent would not be known.
    const bool has_unseen = std::any_of(processes.begin(), processes.end(), [&](const auto& entry) {
      return entry.second.parent_pid == *pid && entry.second.started_boot_us >= looks.back().boot_us;
    });
    if (was_seen && !has_unseen) unreadable_pids.push_back(*pid);
  }
  void step_clock() {
    constexpr std::int64_t kLittle = 90, kMuch = 3600;
    const std::int64_t most = chance(0.1) ? kMuch : kLittle;
    now.wall_us += between(sets_back && chance(0.3) ? -most : 1, most) * kSecond;
    for (Look& look : looks) look.sure = look.sure && look.at_us < now.wall_us - kSecond;
  }
  void sleep_deeply() {
    const std::int64_t asleep_us = between(30, 1800) * kSecond;
    now.wall_us += asleep_us;
    now.boot_us += asleep_us;
    lived_until_us_ = now.boot_us;
  }

  static std::string line_of(const ProcessReading& process) {
    return fmt::format("{} {} {}", process.key.pid, process.parent_pid, process.image->name);
  }
  Truth truth() const {
    Truth truth;
    const auto lives = [&](std::int64_t pid) {
      const auto process = processes.find(pid);
      return process != processes.end() && !process->second.ended;
    };
    for (const auto& [pid, process] : processes) {
      if (process.ended) continue;
      const std::string line = line_of(process);
      int depth = 0;
      for (std::int64_t up = process.parent_pid; lives(up); up = processes.at(up).parent_pid) ++depth;
      truth.pids.push_back(std::to_string(pid));
      truth.processes.push_back(line);
      truth.tree.push_back(fmt::format("{} {}", depth, line));
    }
    for (const SocketReading& socket : sockets) {
      for (const ProcessKey& holder : socket.holders)
        truth.ports.push_back(fmt::format("{} {}", socket.port, holder.pid));
    }
    for (auto* lines : {&truth.pids, &truth.processes, &truth.tree, &truth.ports})
      std::sort(lines->begin(), lines->end());
    return truth;
  }

  std::mt19937_64 random_;
  double seconds_ = 0;
  std::int64_t lived_until_us_ = 0, most_wall_us_ = 0, failing_looks_ = 0;
  std::int64_t boots_ = 0, names_ = 0;
  bool look_failed_ = false, acting_ = false;
  std::vector<std::int64_t> dead_;                 ///< pids of those that nobody has waited for yet
  std::map<std::int64_t, ProcessReading> before_;  ///< those who lived before somebody else acted
};

}  // namespace galproc
