// Records of the BPF programs: of the ring of events, and of the iterators, by the readers that reckon with them.

#include <iterator>
#include <vector>

#include "fuzz/fuzz.h"
#include "model/errors.h"
#include "platform/linux/bpf/iterator_records.h"
#include "platform/linux/bpf_processes.h"
#include "platform/linux/bpf_records.h"
#include "platform/linux/bpf_sockets.h"
#include "platform/linux/processes.h"
#include "support/temporary_folder.h"

namespace galproc {
namespace {

void try_event(std::string_view record) {
  const auto event = parse_record(bytes_of(record), 100, 4096);
  if (!event) return;
  if (const auto* exit = std::get_if<ExitEvent>(&event->what); exit && exit->usage) {
    expect(exit->usage->resident_bytes >= 0, "a peak of memory is not negative");
  }
}

/// Gives one look after the other, each as long as the byte before it says, in records.
class Looks {
 public:
  Looks(FuzzInput input, std::size_t record_bytes) : input_(input), record_bytes_(record_bytes) {}

  bool has_more() const { return !input_.is_empty(); }
  /// The last one is cut short as the input ends.
  void next() {
    const std::string_view taken = input_.take(input_.byte() * record_bytes_);
    look_.assign(taken.begin(), taken.end());
  }
  ReadRecords records() {
    return [this] { return std::span<const char>(look_); };
  }

 private:
  FuzzInput input_;
  std::size_t record_bytes_;
  std::vector<char> look_;
};

ProcessPass try_processes(FuzzInput input) {
  static const TemporaryFolder nobody;
  ProcessReader images({nobody.path().string(), 0, 0});
  Looks looks(input, sizeof(galproc_process));
  BpfProcessReader reader(looks.records(), images);
  ProcessPass pass;
  for (std::int64_t boot_us = 0; looks.has_more() && boot_us < 40'000'000; boot_us += 5'000'000) {
    looks.next();
    pass = reader.read(boot_us);
    for (const ProcessReading& process : pass.processes) {
      expect(process.image != nullptr, "a process has an image");
      expect(process.usage.resident_bytes >= 0 && process.usage.read_bytes.value_or(0) >= 0 &&
                 process.usage.cpu_user_us + process.usage.cpu_system_us >= 0,
             "what a process uses is not negative");
    }
  }
  return pass;
}

void try_sockets(FuzzInput input) {
  Looks looks(input, sizeof(galproc_bound_socket));
  BpfSocketReader reader(looks.records(), 1);
  for (std::int64_t boot_us = 0; looks.has_more() && boot_us < 40'000'000; boot_us += 5'000'000) {
    looks.next();
    for (const SocketReading& socket : reader.read({}, boot_us).sockets) {
      expect(socket.port >= 0 && socket.port <= 65535, "a port is one");
    }
  }
}

}  // namespace
}  // namespace galproc

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  galproc::FuzzInput input(data, size);
  const unsigned which = input.byte();
  try {
    if (which == 'e') galproc::try_event(input.rest());
    if (which == 'p') galproc::try_processes(input);
    if (which == 's') galproc::try_sockets(input);
  } catch (const galproc::PlatformError&) {
    // Broken records are an error with a sentence.
  }
  return 0;
}
