#include <fmt/format.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <charconv>
#include <memory>

#include "cli/command.h"
#include "model/text.h"
#include "model/time_words.h"
#include "platform/platform.h"
#include "recorder/recorder.h"

namespace galproc {

namespace {

constexpr std::int64_t kShortestIntervalUs = 10'000;
constexpr std::int64_t kSmallestFileBytes = 1024 * 1024;
constexpr std::int64_t kLongestIntervalUs = 3600LL * 1'000'000;

constexpr const char* kDescription =
    "Record this machine into one SQLite file until Ctrl-C or SIGTERM.\n"
    "\n"
    "Examples:\n"
    "  galproc record\n"
    "  galproc record --db galproc.db --interval 1s --duration 10m\n"
    "  galproc record --db now.db --samples 1          one complete snapshot\n"
    "  nohup galproc record -q &                       in the background\n";

/// The flags as they were typed.
struct RecordFlags {
  std::string interval = "5s";
  std::string duration;
  std::string samples;
  std::string retain = "7d";
  std::string max_size = "2GiB";
  std::string min_free;
  std::string process_source = "auto";
  std::string event_source = "auto";
  bool no_redact = false;
};

struct Source {
  const char* flag;
  std::vector<const char*> names;  ///< best first
  bool (*is_there)(std::string_view);
};

/// The source that was asked for. Throws UsageError for one that is not built in; which of them `auto` can have shows
/// when it is opened.
std::string choose_source(const Source& source, const std::string& asked) {
  if (asked == "auto") return asked;
  const bool known = std::find(source.names.begin(), source.names.end(), asked) != source.names.end();
  if (!known) {
    throw UsageError(fmt::format("--{} {} is not one of auto, {}.", source.flag, escape_controls(asked),
                                 fmt::join(source.names, ", ")));
  }
  if (!source.is_there(asked)) {
    throw UsageError(
        fmt::format("--{} {} is not built into this galproc. Try --{} auto.", source.flag, asked, source.flag));
  }
  return asked;
}

std::int64_t parse_samples(const std::string& text) {
  std::int64_t samples = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), samples);
  if (error != std::errc() || rest != text.data() + text.size() || samples < 1) {
    throw UsageError(fmt::format("'{}' is not a number of ticks, 1 or more.", escape_controls(text)));
  }
  return samples;
}

RecordOptions options_of(const RecordFlags& flags, const Context& context) {
  RecordOptions options;
  options.interval_us = parse_flag("interval", flags.interval, parse_duration_us);
  if (options.interval_us < kShortestIntervalUs || options.interval_us > kLongestIntervalUs) {
    throw UsageError(fmt::format("--interval: {} is not between 10ms and 1h.", escape_controls(flags.interval)));
  }
  if (!flags.duration.empty()) options.duration_us = parse_flag("duration", flags.duration, parse_duration_us);
  if (!flags.samples.empty()) options.samples = parse_flag("samples", flags.samples, parse_samples);
  options.limits.retain_us = parse_flag("retain", flags.retain, parse_duration_us);
  options.limits.most_bytes = parse_flag("max-size", flags.max_size, parse_size_bytes);
  if (options.limits.most_bytes < kSmallestFileBytes) {
    throw UsageError(fmt::format("--max-size: {} is less than 1MiB, which an empty file nearly takes.",
                                 escape_controls(flags.max_size)));
  }
  if (!flags.min_free.empty()) {
    options.least_free_bytes = parse_flag("min-free", flags.min_free, parse_size_bytes);
  }
  options.process_source = choose_source({"process-source", {"bpf", "proc"}, has_process_source}, flags.process_source);
  options.event_source =
      choose_source({"event-source", {"bpf", "netlink", "none"}, has_event_source}, flags.event_source);
  options.events.all_signals = context.lists.signals == "all";
  options.redact = !flags.no_redact;
  options.redact_names = context.lists.redact;
  options.version = GALPROC_VERSION;
  options.quiet = context.common.quiet;
  options.database = database_to_write(context);
  return options;
}

}  // namespace

void add_record(CLI::App& app, Context& context) {
  auto flags = std::make_shared<RecordFlags>();
  CLI::App* verb = app.add_subcommand("record", kDescription);
  verb->footer(kCommonFlagsNote);
  verb->add_option("--interval", flags->interval, "From look to look, 10ms to 1h (default 5s)")->type_name("D");
  CLI::Option* duration = verb->add_option("--duration", flags->duration, "Stop after this time")->type_name("D");
  verb->add_option("--samples", flags->samples, "Stop after this many looks")->type_name("N")->excludes(duration);
  verb->add_option("--retain", flags->retain, "Recorded time that is kept; what is older is deleted (default 7d)")
      ->type_name("D");
  verb->add_option("--max-size", flags->max_size,
                   "The oldest is deleted when what the file holds is larger (default 2GiB)")
      ->type_name("SIZE");
  verb->add_option("--min-free", flags->min_free,
                   "Room on the disk that is left to others: below it the oldest goes, then looks wait (default 2 %"
                   " of the disk, 32 to 256 MiB)")
      ->type_name("SIZE");
  verb->add_option("--process-source", flags->process_source,
                   "Where looks read: auto (the best there is), bpf (the kernel's tables), proc (/proc)")
      ->type_name("S:{auto,bpf,proc}");
  verb->add_option("--event-source", flags->event_source,
                   "What tells between looks: auto (the best there is), bpf (births, execs, ends, signals),"
                   " netlink (no signals), none")
      ->type_name("S:{auto,bpf,netlink,none}");
  verb->add_flag("--no-redact", flags->no_redact, "Store command lines with the secrets in them");
  context.actions[verb] = [flags, &context] {
    const RecordOptions options = options_of(*flags, context);
    const std::unique_ptr<Platform> platform = make_platform();
    Recorder(*platform, options, context.err).run();
    return ExitCode::Done;
  };
}

}  // namespace galproc
