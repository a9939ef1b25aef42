#include "action/service_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <tuple>

#include "model/errors.h"
#include "model/signals.h"

namespace galproc {

namespace {

constexpr std::int64_t kEarlyUs = 1'000'000;
constexpr std::size_t kTailLines = 10;

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address == "::1" || address.starts_with("::ffff:127.");
}

/// The last lines of a file behind its first `from` bytes.
std::vector<std::string> last_lines(const std::filesystem::path& path, std::int64_t from) {
  constexpr std::int64_t kMostBytes = 65536;
  std::error_code failed;
  const auto size = static_cast<std::int64_t>(std::filesystem::file_size(path, failed));
  std::vector<std::string> lines;
  if (failed || size <= from) return lines;
  std::ifstream file(path, std::ios::binary);
  file.seekg(std::max(from, size - kMostBytes));
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  if (lines.size() > kTailLines) lines.erase(lines.begin(), lines.end() - kTailLines);
  return lines;
}

std::string words_of(std::int64_t wait_status) {
  const std::int64_t signal = wait_status & 0x7f;
  return signal != 0 ? "by " + signal_name(signal) : fmt::format("with exit code {}", wait_status >> 8 & 0xff);
}

}  // namespace

ServiceWatch::ServiceWatch(Platform& platform, const Redactor& redactor, const ServiceRequest& request, Started started,
                           ServiceReport& report)
    : platform_(platform),
      redactor_(redactor),
      request_(request),
      started_(std::move(started)),
      report_(report),
      tree_({report.key}, {started_.service}, [](const ProcessKey&) { return std::nullopt; }) {}

void ServiceWatch::run() {
  // At first often, so that the time that it took is worth its microseconds.
  constexpr std::int64_t kStepUs = 20'000, kLongStepUs = 100'000, kOftenUs = 2'000'000;
  const std::int64_t began_us = platform_.clocks().boot_us;
  const std::int64_t end_us = began_us + (request_.wait_port ? request_.wait_for_us : kEarlyUs);
  while (true) {
    const ProcessPass pass = platform_.read_processes();
    tree_.grow(pass);
    const std::int64_t now_us = platform_.clocks().boot_us;
    if (!is_any_living(pass)) return tell_of_end();
    if (request_.wait_port || now_us >= end_us) note_sockets(pass);
    if (is_port_seen()) {
      report_.time_to_port_us = now_us - started_.started_boot_us;
      return;
    }
    if (now_us >= end_us) break;
    const std::int64_t step_us = !request_.wait_port            ? end_us - now_us
                                 : now_us - began_us < kOftenUs ? kStepUs
                                                                : kLongStepUs;
    if (wait(std::min(end_us, now_us + step_us)) == Wake::Stop) {
      report_.exit_code = static_cast<int>(ExitCode::Interrupted);
      report_.problems.push_back(name() + " keeps running.");
      return;
    }
  }
  if (request_.wait_port) tell_of_missing_port();
}

Wake ServiceWatch::wait(std::int64_t until_boot_us) {
  if (started_.handle && !started_.handle->has_ended()) {
    return platform_.wait_for_ends({started_.handle}, until_boot_us);
  }
  return platform_.sleep_until(until_boot_us);
}

bool ServiceWatch::is_any_living(const ProcessPass& pass) const {
  return std::any_of(pass.processes.begin(), pass.processes.end(),
                     [&](const ProcessReading& process) { return !process.ended && tree_.contains(process.key); });
}

void ServiceWatch::note_sockets(const ProcessPass& pass) {
  report_.sockets.clear();
  foreign_holder_ = 0;
  for (const SocketReading& socket : platform_.read_sockets(pass).sockets) {
    const bool own = std::any_of(socket.holders.begin(), socket.holders.end(),
                                 [&](const ProcessKey& holder) { return tree_.contains(holder); });
    if (own) {
      report_.sockets.push_back({socket.address, socket.port, is_loopback(socket.address)});
    } else if (socket.port == request_.wait_port && !socket.holders.empty()) {
      foreign_holder_ = socket.holders.front().pid;
    }
  }
  // The one that was asked for first, then by number.
  std::sort(report_.sockets.begin(), report_.sockets.end(), [&](const ListeningSocket& a, const ListeningSocket& b) {
    const bool a_other = a.port != request_.wait_port, b_other = b.port != request_.wait_port;
    return std::tie(a_other, a.port, a.is_loopback, a.address) < std::tie(b_other, b.port, b.is_loopback, b.address);
  });
}

bool ServiceWatch::is_port_seen() const {
  return request_.wait_port && !report_.sockets.empty() && report_.sockets.front().port == *request_.wait_port;
}

void ServiceWatch::tell_of_end() {
  report_.exit_code = static_cast<int>(ExitCode::Failed);
  report_.sockets.clear();
  const auto status = started_.handle ? started_.handle->wait_status() : std::nullopt;
  const auto lines = last_lines(request_.log_path, started_.log_size_before);
  report_.problems.push_back(fmt::format("{} has ended{} after {} ms. {}", name(),
                                         status ? " " + words_of(*status) : "",
                                         (platform_.clocks().boot_us - started_.started_boot_us) / 1000,
                                         lines.empty() ? "It wrote nothing to " + request_.log_path.string() + "."
                                                       : "The end of " + request_.log_path.string() + ":"));
  for (const std::string& line : lines) report_.log_tail.push_back(redactor_.redact_text(line));
}

void ServiceWatch::tell_of_missing_port() {
  report_.exit_code = static_cast<int>(ExitCode::Failed);
  const std::string holder = foreign_holder_ != 0 ? fmt::format(", which pid {} holds", foreign_holder_) : "";
  report_.problems.push_back(
      fmt::format("{} keeps running, but does not listen on port {}{}, after {} ms. Its log: {}.", name(),
                  *request_.wait_port, holder, request_.wait_for_us / 1000, request_.log_path.string()));
}

std::string ServiceWatch::name() const {
  return fmt::format("The service {} (pid {})", request_.name, report_.key.pid);
}

}  // namespace galproc
