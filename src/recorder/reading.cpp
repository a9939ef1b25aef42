#include "model/errors.h"
#include "recorder/collector.h"

namespace galproc {

namespace {

/// The file system whose room is recorded.
const std::filesystem::path kRootFileSystem = "/";

/// Runs one part of a reading; its failure leaves that part empty and is counted.
template <typename Part, typename Read>
void attempt(TickReading& reading, const char* collector, std::optional<Part>& part, Read read) {
  try {
    part = read();
    for (ReadError& error : part->errors) reading.errors.push_back({collector, std::move(error)});
    part->errors.clear();
  } catch (const PlatformError& error) {
    reading.errors.push_back({collector, {"read " + std::string(collector), error.os_code(), error.what(), 1}});
  }
}

}  // namespace

std::size_t TickReading::size_bytes() const {
  std::size_t bytes = sizeof(TickReading);
  if (processes) {
    bytes += processes->processes.size() * sizeof(ProcessReading) + processes->ends.size() * sizeof(EndedReading);
    for (const ProcessReading& process : processes->processes) {
      // Held by the reader and by this reading alone: it came with this one.
      if (!process.image || !process.image->arguments || process.image.use_count() > 2) continue;
      for (const std::string& argument : *process.image->arguments) bytes += sizeof(std::string) + argument.size();
    }
  }
  if (sockets) bytes += sockets->sockets.size() * (sizeof(SocketReading) + 2 * sizeof(ProcessKey));
  return bytes + events.events.size() * sizeof(Event);
}

TickReading take_reading(Platform& platform) {
  TickReading reading;
  const std::int64_t began_us = platform.clocks().boot_us;
  attempt(reading, "processes", reading.processes, [&] { return platform.read_processes(); });
  if (reading.processes) {
    attempt(reading, "ports", reading.sockets, [&] { return platform.read_sockets(*reading.processes); });
  }
  attempt(reading, "system", reading.system, [&] { return platform.read_system(kRootFileSystem); });
  reading.clocks = platform.clocks();
  reading.duration_us = reading.clocks.boot_us - began_us;
  return reading;
}

}  // namespace galproc
