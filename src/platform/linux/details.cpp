// What is read of one process when somebody asks about it. Everything is opened by its folder's descriptor, which names
// the process itself: a pid that is given to another meanwhile gives nothing.

#include "platform/linux/details.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/utsname.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <unordered_set>

#include "platform/linux/errors.h"
#include "platform/linux/proc_text.h"
#include "platform/posix/descriptor.h"

namespace galproc {

namespace {

constexpr std::size_t kSmallFile = 65536;
constexpr std::size_t kTableLimit = std::size_t{256} << 20;  // 150 bytes a connection

std::string_view next_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return line;
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; (at = line.find_first_not_of(" \t", at)) != std::string_view::npos;) {
    const std::size_t end = std::min(line.size(), line.find_first_of(" \t", at));
    words.push_back(line.substr(at, end - at));
    at = end;
  }
  return words;
}

template <typename Number>
bool to_number(std::string_view word, Number& value, int base = 10) {
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value, base);
  return error == std::errc() && end == word.data() + word.size();
}

/// "0100007F:1F90": each four bytes of the address as a number of the machine's own order, then the port.
bool parse_end(std::string_view word, std::string& address, std::int64_t& port) {
  const std::size_t digits = word.find(':');
  if ((digits != 8 && digits != 32) || !to_number(word.substr(digits + 1), port, 16)) return false;
  std::array<std::uint32_t, 4> bytes{};
  for (std::size_t i = 0; i * 8 < digits; ++i) {
    if (!to_number(word.substr(i * 8, 8), bytes[i], 16)) return false;
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (!::inet_ntop(digits == 8 ? AF_INET : AF_INET6, bytes.data(), text.data(), text.size())) return false;
  address = text.data();
  return true;
}

class DetailReader {
 public:
  DetailReader(Descriptor folder, ProcessDetails& details) : folder_(std::move(folder)), details_(details) {}

  bool is(const ProcessKey& key, std::int64_t boottime_offset_ticks) {
    std::string text;
    if (read("stat", text, kSmallFile) != 0) return false;
    const auto line = parse_stat(text);
    return line && line->pid == key.pid && line->start_ticks - boottime_offset_ticks == key.start_token;
  }

  void read_limits() {
    std::string text;
    if (count("read limits", read("limits", text, kSmallFile))) details_.limits = parse_limits(text);
  }

  void read_connections() {
    std::unordered_set<std::uint64_t> own;
    if (!count("read fd folder", list_sockets(own)) || own.empty()) return;
    for (const char* table : {"net/tcp", "net/tcp6"}) {
      std::string text;
      const int code = read(table, text, kTableLimit);
      if (code == ENOENT || !count("read net/tcp", code)) continue;  // a kernel without IPv6 has no such table
      for (auto& [inode, connection] : parse_connections(text)) {
        if (own.contains(inode)) details_.connections.push_back(std::move(connection));
      }
    }
  }

  std::vector<ReadError> errors() { return errors_.take(); }

 private:
  int read(const char* name, std::string& text, std::size_t limit) const {
    const Descriptor file(::openat(folder_.get(), name, O_RDONLY | O_CLOEXEC));
    return file ? read_whole(file.get(), text, limit) : errno;
  }
  bool count(const char* operation, int code) {
    if (code != 0) errors_.add(operation, code);
    return code == 0;
  }
  int list_sockets(std::unordered_set<std::uint64_t>& inodes) const {
    const int fd = ::openat(folder_.get(), "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return errno;
    const std::unique_ptr<DIR, int (*)(DIR*)> links(::fdopendir(fd), &::closedir);
    if (!links) return errno;
    constexpr std::string_view kPrefix = "socket:[";
    while (const dirent* entry = ::readdir(links.get())) {
      std::array<char, 64> target{};
      const ssize_t got = ::readlinkat(fd, entry->d_name, target.data(), target.size());
      if (got < 0 && (errno == EACCES || errno == EPERM)) return errno;
      std::string_view link(target.data(), static_cast<std::size_t>(got > 0 ? got : 0));
      std::uint64_t inode = 0;
      if (!link.starts_with(kPrefix) || !link.ends_with(']')) continue;
      link.remove_prefix(kPrefix.size());
      link.remove_suffix(1);
      if (to_number(link, inode)) inodes.insert(inode);
    }
    return 0;
  }

  Descriptor folder_;
  ProcessDetails& details_;
  ErrorCounter errors_;
};

}  // namespace

std::vector<std::pair<std::uint64_t, ConnectionReading>> parse_connections(std::string_view text) {
  constexpr std::string_view kEstablished = "01";
  std::vector<std::pair<std::uint64_t, ConnectionReading>> connections;
  next_line(text);  // the heads of the columns
  while (!text.empty()) {
    // sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode
    const std::vector<std::string_view> words = words_of(next_line(text));
    std::uint64_t inode = 0;
    ConnectionReading connection;
    if (words.size() < 10 || words[3] != kEstablished || !to_number(words[9], inode)) continue;
    if (!parse_end(words[1], connection.local_address, connection.local_port)) continue;
    if (!parse_end(words[2], connection.remote_address, connection.remote_port)) continue;
    connections.emplace_back(inode, std::move(connection));
  }
  return connections;
}

std::vector<LimitReading> parse_limits(std::string_view text) {
  struct Wanted {
    std::string_view begin;
    const char* name;
  };
  constexpr std::array<Wanted, 3> kWanted{{{"Max open files ", "open_files"},
                                           {"Max processes ", "processes"},
                                           {"Max address space ", "address_space_bytes"}}};
  std::vector<LimitReading> limits;
  while (!text.empty()) {
    const std::string_view line = next_line(text);
    for (const Wanted& wanted : kWanted) {
      if (!line.starts_with(wanted.begin)) continue;
      const auto words = words_of(line.substr(wanted.begin.size()));
      std::int64_t value = 0;
      if (words.empty()) continue;
      if (words.front() == "unlimited") limits.push_back({wanted.name, std::nullopt});
      if (to_number(words.front(), value)) limits.push_back({wanted.name, value});
    }
  }
  return limits;
}

std::optional<std::string> parse_processor(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = next_line(text);
    const std::size_t colon = line.find(": ");
    // x86: "model name"; Arm boards: "Model"; Power and others: "cpu".
    const std::string_view key = line.substr(0, std::min(line.find_first_of("\t:"), line.size()));
    if (colon == std::string_view::npos || (key != "model name" && key != "Model" && key != "cpu")) continue;
    return std::string(line.substr(colon + 2));
  }
  return std::nullopt;
}

std::optional<ProcessDetails> read_details(const ProcessKey& key, std::int64_t boottime_offset_ticks,
                                           const std::string& proc_root) {
  const std::string path = proc_root + "/" + std::to_string(key.pid);
  Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return std::nullopt;
  ProcessDetails details;
  DetailReader reader(std::move(folder), details);
  if (!reader.is(key, boottime_offset_ticks)) return std::nullopt;
  reader.read_limits();
  reader.read_connections();
  details.errors = reader.errors();
  return details;
}

MachineReading read_machine() {
  MachineReading machine;
  utsname names{};
  ::uname(&names);
  machine.system = names.sysname;
  machine.release = names.release;
  machine.version = names.version;
  machine.machine = names.machine;
  // The first CPU's paragraph is enough, and all of them are many on a large machine.
  const Descriptor file(::open("/proc/cpuinfo", O_RDONLY | O_CLOEXEC));
  std::string text;
  if (file && read_whole(file.get(), text, 16384) == 0) machine.processor = parse_processor(text);
  return machine;
}

}  // namespace galproc
