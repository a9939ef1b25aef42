// The text of /proc and /sys: of single files by their parsers, and of a made-up /proc by the readers of processes,
// which reckon with what the parsers give.

#include <filesystem>
#include <fstream>

#include "fuzz/fuzz.h"
#include "platform/linux/details.h"
#include "platform/linux/groups.h"
#include "platform/linux/proc_text.h"
#include "platform/linux/processes.h"
#include "platform/linux/system.h"
#include "support/temporary_folder.h"

namespace galproc {
namespace {

namespace fs = std::filesystem;

void try_process_files(std::string_view text) {
  if (const auto line = parse_stat(text)) {
    expect(text.find("(" + line->comm + ")") != std::string_view::npos, "a name stands in its line");
    state_from_letter(line->state);
    expect(complete_name(line->comm, std::string(text), split_arguments(text)).starts_with(line->comm),
           "a completed name begins as the kernel's");
  }
  std::string joined;
  for (const std::string& argument : split_arguments(text)) joined += argument + '\0';
  if (!text.empty() && text.back() != '\0') joined.pop_back();
  expect_same(joined, std::string(text), "arguments are the whole command line");
  parse_status(text);
  parse_io(text);
  parse_resident_pages(text);
  parse_cgroup(text);
  find_variable(text, "GALPROC_SERVICE");
  parse_time_namespace_offset_ns(text, "boottime");
  parse_group_mount(text);
  parse_unified_group(text);
}

void try_machine_files(std::string_view text) {
  SystemReading reading;
  parse_cpu_times(text, 100, reading);
  parse_memory(text, reading);
  parse_load(text, reading);
  parse_network(text, reading);
  for (const auto& figure : {reading.cpu_busy_us, reading.cpu_total_us, reading.memory_total_bytes,
                             reading.swap_used_bytes, reading.received_bytes, parse_pressure(text)}) {
    expect(figure.value_or(0) >= 0, "a figure of the machine is not negative");
  }
  parse_limits(text);
  parse_processor(text);
  for (const auto& [inode, connection] : parse_connections("heads\n" + std::string(text))) {
    expect(!connection.local_address.empty() && connection.remote_port >= 0, "a connection has two ends");
  }
}

/// Files of a process and of the machine, the inputs of them apart at each byte of 0xff, read by all who read them.
void try_readers(FuzzInput input) {
  static const TemporaryFolder proc;
  const fs::path process = proc / "42";
  for (const fs::path& file : {process / "stat", process / "status", process / "cmdline", process / "environ",
                               process / "cgroup", process / "io", process / "statm", process / "limits",
                               process / "net/tcp", proc / "stat", proc / "meminfo", proc / "net/dev"}) {
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << input.take_until('\xff');
  }
  ProcessReader reader({proc.path().string(), 0, 4});
  for (const std::int64_t boot_us : {1'000'000, 6'000'000}) {
    for (const ProcessReading& reading : reader.read(boot_us).processes) {
      expect(reading.key.pid == 42 && reading.image, "who is read is named, and has an image");
      read_details(reading.key, 0, proc.path().string());
    }
  }
  read_linux_system(proc.path(), proc.path());
}

}  // namespace
}  // namespace galproc

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  galproc::FuzzInput input(data, size);
  const unsigned which = input.byte();
  if (which == 'r') galproc::try_readers(input);
  if (which == 'p') galproc::try_process_files(input.rest());
  if (which == 'm') galproc::try_machine_files(input.rest());
  return 0;
}
