// One walk over all descriptors tells sockets and holders together: nothing is to be joined. But where many processes
// idle, their descriptors are many and cold, and the kernel's list of bound sockets costs next to nothing; nobody holds
// another socket, or one more, without the list showing it or a holder having run to share it.

#include "platform/linux/bpf_sockets.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <string>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "model/errors.h"
#include "platform/linux/bpf/iterator_records.h"
#include "platform/linux/bpf_records.h"

namespace galproc {

namespace {

constexpr std::int64_t kStepsForAll = 12;
constexpr std::int64_t kWalksInVain = 4, kStepsInVain = 8;

bool is_before(const BoundSocket& one, const BoundSocket& other) {
  return one.place() < other.place();
}

/// Those of `some`, by place, whose place is not in `others`, likewise.
std::vector<BoundSocket> difference(const std::vector<BoundSocket>& some, const std::vector<BoundSocket>& others) {
  std::vector<BoundSocket> rest;
  std::set_difference(some.begin(), some.end(), others.begin(), others.end(), std::back_inserter(rest), is_before);
  return rest;
}

bool is_same_place(const BoundSocket& one, const BoundSocket& other) {
  return one.place() == other.place();
}

bool is_same_list(const std::vector<BoundSocket>& one, const std::vector<BoundSocket>& other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](auto& some, auto& more) { return some.inode == more.inode && is_same_place(some, more); });
}

}  // namespace

BpfSocketReader::BpfSocketReader(ReadRecords records, std::uint32_t network_namespace)
    : records_(std::move(records)), network_namespace_(network_namespace), clock_ticks_(::sysconf(_SC_CLK_TCK)) {}

SocketPass BpfSocketReader::read(const ProcessPass& processes, std::int64_t boot_us) {
  turns_.begin_pass(boot_us);
  const bool its_turn = turns_.has(0, kStepsForAll);
  ErrorCounter errors;
  // The list costs as much a socket as the walk, which is the better one where sockets are what there is most of.
  if (walked_ && !its_turn && places_.size() > processes.processes.size()) {
    const std::vector<BoundSocket> before = places_;
    walk();
    if (std::equal(before.begin(), before.end(), places_.begin(), places_.end(), is_same_place)) {
      return {rows(), errors.take()};
    }
    walked_ = false;
  }
  auto listed = list(errors);
  const bool list_changed = !listed || !listed_ || !is_same_list(*listed, *listed_);
  listed_ = std::move(listed);
  if (its_turn || must_walk(processes, list_changed)) {
    walked_ = false;
    walk();
    find_unheld(errors);
    walked_ = true;
  }
  return {rows(), errors.take()};
}

bool BpfSocketReader::must_walk(const ProcessPass& processes, bool list_changed) {
  if (list_changed) walks_in_vain_ = 0;
  if (!walked_ || list_changed) return true;
  bool any_ran = false;
  for (const ProcessKey& holder : holders_) {
    const auto at = std::lower_bound(processes.processes.begin(), processes.processes.end(), holder.pid,
                                     [](const ProcessReading& one, std::int64_t pid) { return one.key.pid < pid; });
    // Who is not there may have left its sockets to others.
    if (at == processes.processes.end() || at->key != holder || at->ended) return true;
    any_ran = any_ran || at->ran;
  }
  return any_ran && (walks_in_vain_ < kWalksInVain || turns_.has(0, kStepsInVain));
}

void BpfSocketReader::walk() {
  const std::span<const char> records = records_();
  if (records.size() % sizeof(galproc_bound_socket) != 0) {
    throw PlatformError("The sockets cannot be read by BPF: a record is broken.", EBADMSG);
  }
  std::vector<Held> held;
  held.reserve(records.size() / sizeof(galproc_bound_socket));
  for (std::size_t at = 0; at < records.size(); at += sizeof(galproc_bound_socket)) {
    galproc_bound_socket record;
    std::memcpy(&record, records.data() + at, sizeof record);
    held.push_back({{record.is_udp != 0 ? Protocol::Udp : Protocol::Tcp, record.family, {}, record.port, 0},
                    {record.pid, start_token_of(record.start_ns, clock_ticks_)}});
    std::memcpy(held.back().socket.address.data(), record.address, sizeof record.address);
  }
  const auto before = [](const Held& one, const Held& other) {
    return std::tuple(one.socket.place(), std::tie(one.holder.pid, one.holder.start_token)) <
           std::tuple(other.socket.place(), std::tie(other.holder.pid, other.holder.start_token));
  };
  if (!std::is_sorted(held.begin(), held.end(), before)) std::sort(held.begin(), held.end(), before);
  held.erase(std::unique(held.begin(), held.end()), held.end());
  walks_in_vain_ = held == held_ ? walks_in_vain_ + 1 : 0;
  held_ = std::move(held);
  places_.clear();
  std::unordered_set<ProcessKey, ProcessKeyHash> holders;
  for (const Held& one : held_) {
    if (places_.empty() || !is_same_place(places_.back(), one.socket)) places_.push_back(one.socket);
    holders.insert(one.holder);
  }
  holders_.assign(holders.begin(), holders.end());
}

void BpfSocketReader::find_unheld(ErrorCounter& errors) {
  std::vector<BoundSocket> unheld;
  if (listed_) unheld = difference(*listed_, places_);
  unheld.erase(std::unique(unheld.begin(), unheld.end(), is_same_place), unheld.end());
  if (!difference(unheld, unheld_).empty()) {
    // Closed since it was listed, or without a descriptor: then it is there still.
    const auto again = list(errors);
    unheld = again ? difference(unheld, difference(unheld, *again)) : unheld_;
  }
  unheld_ = std::move(unheld);
}

std::optional<std::vector<BoundSocket>> BpfSocketReader::list(ErrorCounter& errors) {
  try {
    SocketDiag::Answer answer = diag_.ask();
    for (const auto& [operation, code] : answer.failures) errors.add(operation, code);
    return std::move(answer.sockets);
  } catch (const PlatformError& error) {
    errors.add("list sockets", error.os_code());
    return std::nullopt;
  }
}

std::vector<SocketReading> BpfSocketReader::rows() const {
  std::vector<SocketReading> rows;
  rows.reserve(places_.size() + unheld_.size());
  const BoundSocket* previous = nullptr;
  char text[INET6_ADDRSTRLEN] = "";
  const auto add_row = [&](const BoundSocket& socket) {
    const bool same_address = previous && previous->family == socket.family && previous->address == socket.address;
    if (!same_address) ::inet_ntop(socket.family, socket.address.data(), text, sizeof text);
    rows.push_back({socket.protocol, text, socket.port, network_namespace_, {}});
    previous = &socket;
  };
  for (const Held& held : held_) {
    if (!previous || !is_same_place(*previous, held.socket)) add_row(held.socket);
    rows.back().holders.push_back(held.holder);
  }
  for (const BoundSocket& socket : difference(unheld_, places_)) add_row(socket);
  // They come by the bytes of the address: mostly that is the order of its text, too.
  const auto before = [](const SocketReading& a, const SocketReading& b) {
    return std::tie(a.protocol, a.port, a.address) < std::tie(b.protocol, b.port, b.address);
  };
  if (!std::is_sorted(rows.begin(), rows.end(), before)) std::sort(rows.begin(), rows.end(), before);
  return rows;
}

}  // namespace galproc
