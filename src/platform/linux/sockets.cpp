// Two halves, joined by the inode of a socket: the kernel's list says which are there, not who holds them; that is read
// from the descriptors of each process.
//
// The order in a pass is list, then walk. A socket that nobody seems to hold was either closed in between, or its
// holder came by it without being seen to run: so the list is asked for again before all processes are walked for it.

#include "platform/linux/sockets.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "platform/linux/errors.h"
#include "platform/linux/proc_text.h"
#include "platform/linux/socket_diag.h"
#include "platform/linux/turns.h"
#include "platform/posix/descriptor.h"

namespace galproc {

namespace {

constexpr std::int64_t kStepsForAll = 120;  // every process is walked once in so many steps of turns
// One that keeps running is walked the more seldom the dearer that is, or the less it promises.
constexpr std::int64_t kLinksPerStep = 64;
constexpr std::int64_t kWalksInVain = 4;
constexpr std::int64_t kStepsInVain = 8;

/// How a look at a process ended.
struct Walk {
  enum class Outcome { Seen, Gone, Denied, Failed } outcome = Outcome::Seen;
  const char* operation = "";  ///< of Denied and Failed
  int code = 0;

  static Walk stopped(const char* operation, int code) {
    if (is_end(code)) return {Outcome::Gone};
    return {code == EACCES || code == EPERM ? Outcome::Denied : Outcome::Failed, operation, code};
  }
};

/// Calls `visit(name)` for each entry of a folder until it gives false. 0 or errno.
template <class Visit>
int for_each_name(int folder, Visit visit) {
  alignas(dirent64) char buffer[16384];
  while (true) {
    const ssize_t got = ::getdents64(folder, buffer, sizeof buffer);
    if (got <= 0) return got < 0 ? errno : 0;
    for (ssize_t at = 0; at < got;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer + at);
      at += entry->d_reclen;
      if (entry->d_name[0] != '.' && !visit(entry->d_name)) return 0;
    }
  }
}

/// The number in "socket:[123]"; 0 for a link to anything else. A file cannot pose as one: its link begins with '/'.
std::uint64_t socket_inode(std::string_view target) {
  constexpr std::string_view kPrefix = "socket:[";
  std::uint64_t inode = 0;
  if (!target.starts_with(kPrefix)) return 0;
  std::from_chars(target.data() + kPrefix.size(), target.data() + target.size(), inode);
  return inode;
}

/// What one look found.
struct Links {
  std::vector<std::uint64_t> sockets;  ///< inodes, of any kind of socket
  std::int64_t count = 0;              ///< descriptors of any kind
};

/// Adds what the descriptor folder `links` holds.
Walk list_sockets(const Descriptor& links, Links& found) {
  Walk walk;
  const int code = for_each_name(links.get(), [&](const char* name) {
    ++found.count;
    char target[64];  // longer ones are cut, and are no sockets
    const ssize_t got = ::readlinkat(links.get(), name, target, sizeof target);
    // ENOENT: closed meanwhile. Links may be denied in a folder that is not: DAC_OVERRIDE without SYS_PTRACE.
    if (got < 0 && errno != ENOENT) walk = Walk::stopped("read fd links", errno);
    if (got <= 0) return walk.outcome == Walk::Outcome::Seen;
    if (const auto inode = socket_inode({target, static_cast<std::size_t>(got)})) found.sockets.push_back(inode);
    return true;
  });
  return code == 0 ? walk : Walk::stopped("read fd folder", code);
}

/// The sockets of a process whose leader ended before its other threads: it has no descriptors any more; they share
/// theirs, so the first of them that has some shows all.
Walk list_sockets_of_threads(const Descriptor& threads, Links& found) {
  Walk telling;
  const int code = for_each_name(threads.get(), [&](const char* thread) {
    const std::string path = std::string(thread) + "/fd";
    const Descriptor links(::openat(threads.get(), path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const Walk walk = links ? list_sockets(links, found) : Walk::stopped("open fd folder", errno);
    // The dead leader belongs to root and may be denied where its threads are not: no reason to stop.
    if (found.count > 0 || walk.code != 0) telling = walk;
    return found.count == 0;
  });
  return code == 0 ? telling : Walk::stopped("read task folder", code);
}

}  // namespace

/// What is kept from pass to pass.
class SocketReader::State {
 public:
  State(std::string proc_root, std::int64_t boottime_offset_ticks)
      : proc_root_(std::move(proc_root)), boottime_offset_ticks_(boottime_offset_ticks) {}

  SocketPass read(const ProcessPass& processes, std::int64_t boot_us) {
    ++pass_no_;
    turns_.begin_pass(boot_us);
    const bool missed = !std::exchange(complete_, false);  // a pass that threw: who ran then is not known any more
    list();
    put_off_.clear();
    for (const ProcessReading& process : processes.processes) {
      if (process.ended || process.kernel_thread) continue;
      Entry& entry = entries_[process.key];
      entry.pass_no = pass_no_;
      // A new entry has no image yet, a process always has.
      if (missed || turns_.has(process.key.pid, kStepsForAll) || entry.image != process.image ||
          entry.walk.outcome == Walk::Outcome::Failed) {
        look_into(process, entry);
      } else if (process.ran || entry.put_off) {
        entry.put_off = !turns_.has(process.key.pid, steps_between_walks(entry));
        if (entry.put_off) {
          put_off_.emplace_back(&process, &entry);
        } else {
          look_into(process, entry);
        }
      }
    }
    drop_absent(processes.unreadable_pids);
    match();
    bool all_walked = false;
    if (any_unsought()) {
      list();
      for (const auto& [process, entry] : put_off_) look_into(*process, *entry);
      match();
      if ((all_walked = any_unsought())) look_into_all(processes);
    }
    note_sought(all_walked);
    complete_ = true;
    return result();
  }

 private:
  struct Entry {
    std::shared_ptr<const ProcessImage> image;  ///< held, so that no later image can have its address
    Links links;
    Walk walk;                        ///< the last one
    bool put_off = false;             ///< it ran after that
    std::int64_t looked_in_pass = 0;  ///< number of the last one
    std::int64_t walks_in_vain = 0;   ///< since its image is new or a listed socket was found
    std::int64_t pass_no = 0;         ///< in which the process was last there
  };
  /// A listed socket that has an inode.
  struct Place {
    std::size_t row = 0;
    bool held = false;
  };

  /// Fills rows_ and places_.
  void list() {
    listed_ = diag_.ask();
    rows_.clear();
    places_.clear();
    places_.reserve(listed_.sockets.size());
    rows_.reserve(listed_.sockets.size());
    const BoundSocket* previous = nullptr;
    char text[INET6_ADDRSTRLEN] = "";
    for (const BoundSocket& socket : listed_.sockets) {
      if (!previous || previous->place() != socket.place()) {
        const bool same_address = previous && previous->family == socket.family && previous->address == socket.address;
        if (!same_address) ::inet_ntop(socket.family, socket.address.data(), text, sizeof text);
        rows_.push_back({socket.protocol, text, socket.port, 0, {}});
      }
      if (socket.inode != 0) places_.emplace(socket.inode, Place{rows_.size() - 1});
      previous = &socket;
    }
  }

  static std::int64_t steps_between_walks(const Entry& entry) {
    return std::max(entry.links.count / kLinksPerStep, entry.walks_in_vain < kWalksInVain ? 1 : kStepsInVain);
  }

  void look_into(const ProcessReading& process, Entry& entry) {
    if (entry.image != process.image) entry.walks_in_vain = 0;
    ++entry.walks_in_vain;  // until match() knows better
    entry.image = process.image;
    entry.put_off = false;
    entry.looked_in_pass = pass_no_;
    Links found;
    entry.walk = walk(process, found);
    // Who may not be looked into any more still holds what it held: only the socket's own end tells otherwise.
    if (entry.walk.outcome == Walk::Outcome::Failed || entry.walk.outcome == Walk::Outcome::Denied) return;
    std::sort(found.sockets.begin(), found.sockets.end());
    found.sockets.erase(std::unique(found.sockets.begin(), found.sockets.end()), found.sockets.end());
    entry.links = std::move(found);
  }

  /// `found` is what `process` holds, and empty for any outcome but Seen and Failed.
  Walk walk(const ProcessReading& process, Links& found) const {
    const bool by_threads = process.usage.state == ProcessState::Zombie;
    // By this descriptor, and what is reached from it, the kernel names one process for ever.
    const std::string path = proc_root_ + "/" + std::to_string(process.key.pid) + (by_threads ? "/task" : "/fd");
    const Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) return Walk::stopped(by_threads ? "open task folder" : "open fd folder", errno);
    Walk seen = by_threads ? list_sockets_of_threads(folder, found) : list_sockets(folder, found);
    const bool matters = std::any_of(found.sockets.begin(), found.sockets.end(),
                                     [&](std::uint64_t inode) { return places_.contains(inode); });
    if (seen.outcome == Walk::Outcome::Seen && matters) {
      // But it may be another one than the pass saw. Where nothing that matters was found that would be harmless: the
      // next pass has the new process under its own key, and this entry goes.
      const Descriptor file(::openat(folder.get(), "../stat", O_RDONLY | O_CLOEXEC));
      std::string text;
      const int code = file ? read_whole(file.get(), text, 4096) : errno;
      const auto line = code == 0 ? parse_stat(text) : std::nullopt;
      if (code != 0) seen = Walk::stopped("read stat", code);
      if (code == 0 && (!line || line->start_ticks - boottime_offset_ticks_ != process.key.start_token)) {
        seen = {Walk::Outcome::Gone};
      }
    }
    if (seen.outcome != Walk::Outcome::Seen) found = {};
    return seen;
  }

  /// But for those that have been in this pass, or that may not be looked into as they were the last time.
  void look_into_all(const ProcessPass& processes) {
    for (const ProcessReading& process : processes.processes) {
      const auto entry = entries_.find(process.key);
      if (entry == entries_.end() || entry->second.looked_in_pass == pass_no_) continue;
      if (entry->second.walk.outcome != Walk::Outcome::Denied) look_into(process, entry->second);
    }
    match();
  }

  void drop_absent(const std::vector<std::int64_t>& unreadable_pids) {
    const std::unordered_set<std::int64_t> kept(unreadable_pids.begin(), unreadable_pids.end());
    std::erase_if(entries_,
                  [&](const auto& item) { return item.second.pass_no != pass_no_ && !kept.contains(item.first.pid); });
  }

  /// Names the holders of each row.
  void match() {
    for (SocketReading& row : rows_) row.holders.clear();
    for (auto& [inode, place] : places_) place.held = false;
    for (auto& [key, entry] : entries_) {
      for (const std::uint64_t inode : entry.links.sockets) {
        const auto place = places_.find(inode);
        if (place == places_.end()) continue;
        place->second.held = true;
        entry.walks_in_vain = 0;
        auto& holders = rows_[place->second.row].holders;
        // All sockets of one process come in a row, so this is enough to name it once.
        if (holders.empty() || holders.back() != key) holders.push_back(key);
      }
    }
  }

  bool any_unsought() const {
    return std::any_of(places_.begin(), places_.end(),
                       [&](const auto& item) { return !item.second.held && !sought_.contains(item.first); });
  }

  /// Remembers what all processes were walked for in vain, as long as it stays so.
  void note_sought(bool all_walked) {
    if (all_walked) {
      for (const auto& [inode, place] : places_) sought_.insert(inode);
    }
    std::erase_if(sought_, [&](std::uint64_t inode) {
      const auto place = places_.find(inode);
      return place == places_.end() || place->second.held;
    });
  }

  SocketPass result() {
    std::map<std::pair<std::string, int>, std::int64_t> counts;
    for (const auto& [operation, code] : listed_.failures) ++counts[{operation, code}];
    for (const auto& [key, entry] : entries_) {
      if (entry.pass_no == pass_no_ && entry.walk.code != 0) ++counts[{entry.walk.operation, entry.walk.code}];
    }
    struct stat space {};
    if (::stat((proc_root_ + "/self/ns/net").c_str(), &space) != 0) ++counts[{"read network namespace", errno}];
    SocketPass pass;
    for (const auto& [kind, count] : counts) {
      pass.errors.push_back({kind.first, kind.second, error_text(kind.second), count});
    }
    for (SocketReading& row : rows_) {
      row.network_namespace = static_cast<std::int64_t>(space.st_ino);
      std::sort(row.holders.begin(), row.holders.end(),
                [](auto& a, auto& b) { return std::tie(a.pid, a.start_token) < std::tie(b.pid, b.start_token); });
    }
    // They come by the bytes of the address: mostly that is the order of its text, too.
    const auto before = [](const SocketReading& a, const SocketReading& b) {
      return std::tie(a.protocol, a.port, a.address) < std::tie(b.protocol, b.port, b.address);
    };
    if (!std::is_sorted(rows_.begin(), rows_.end(), before)) std::sort(rows_.begin(), rows_.end(), before);
    pass.sockets = std::move(rows_);
    return pass;
  }

  std::string proc_root_;
  std::int64_t boottime_offset_ticks_;
  std::int64_t pass_no_ = 0;
  Turns turns_;
  bool complete_ = true;  ///< the last pass came to its end
  SocketDiag diag_;
  SocketDiag::Answer listed_;
  std::unordered_map<ProcessKey, Entry, ProcessKeyHash> entries_;
  std::vector<std::pair<const ProcessReading*, Entry*>> put_off_;  ///< in this pass
  std::vector<SocketReading> rows_;                  ///< of this pass, by protocol, port and address bytes
  std::unordered_map<std::uint64_t, Place> places_;  ///< of this pass, by inode
  std::unordered_set<std::uint64_t> sought_;         ///< inodes that no process could be found for
};

SocketReader::SocketReader(const std::filesystem::path& proc_root, std::int64_t boottime_offset_ticks)
    : state_(std::make_unique<State>(proc_root.string(), boottime_offset_ticks)) {}
SocketReader::~SocketReader() = default;
SocketReader::SocketReader(SocketReader&&) noexcept = default;
SocketReader& SocketReader::operator=(SocketReader&&) noexcept = default;

SocketPass SocketReader::read(const ProcessPass& processes, std::int64_t boot_us) {
  return state_->read(processes, boot_us);
}

}  // namespace galproc
