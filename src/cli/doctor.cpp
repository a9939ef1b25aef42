#include <fmt/format.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>

#include "cli/command.h"
#include "model/finding.h"
#include "model/text.h"
#include "model/time_words.h"
#include "platform/platform.h"
#include "store/database.h"
#include "store/statement.h"
#include "store/wal_size.h"

namespace galproc {

namespace {

namespace fs = std::filesystem;
using State = Finding::State;

constexpr const char* kDescription =
    "What works here and what does not.\n"
    "\n"
    "Examples:\n"
    "  galproc doctor\n"
    "  sudo galproc doctor --json -q      for a monitor: exit 0 fine, 1 with warnings, 2 broken\n";

const char* to_text(State state) {
  switch (state) {
    case State::Ok: return "ok";
    case State::Warning: return "warning";
    case State::Broken: return "broken";
  }
  return "";
}

Finding sqlite() {
  return {"sqlite", State::Ok, sqlite_version(), ""};  // an older one than it needs is refused when it is built
}

std::string age_of(std::int64_t then_us, std::int64_t now_us) {
  return then_us > now_us ? "in the future" : format_duration(now_us - then_us) + " ago";
}

/// The file, and what its newest rows say of the recorder.
class FileFindings {
 public:
  FileFindings(const fs::path& path, Platform& platform) : path_(path), platform_(platform) {}

  std::vector<Finding> all() {
    std::vector<Finding> findings;
    try {
      SQLite::Database database = open_for_reading(path_);
      findings.push_back(file());
      findings.push_back(recorder(database));
      for (Finding& source : sources(database)) findings.push_back(std::move(source));
      if (auto finding = clock(database)) findings.push_back(std::move(*finding));
      findings.push_back(wal());
    } catch (const Error& error) {
      std::error_code failed;
      const bool missing = !fs::exists(path_, failed);
      findings.push_back({"database", missing ? State::Warning : State::Broken, error.what(), ""});
    } catch (const SQLite::Exception& error) {
      findings.push_back({"database", State::Broken, fmt::format("{}: {}.", path_.string(), describe(error)),
                          "A corrupt file is moved aside when `galproc record` starts."});
    }
    findings.push_back(disk());
    return findings;
  }

 private:
  Finding file() const {
    std::error_code failed;
    return {"database", State::Ok,
            fmt::format("{}, {} bytes, schema {}", path_.string(), fs::file_size(path_, failed), schema_version()), ""};
  }

  bool may_read_lock() const {
    const fs::path lock = recorder_lock_path(path_);
    return !fs::exists(lock) || std::ifstream(lock).is_open();
  }

  Finding recorder(SQLite::Database& database) {
    const std::int64_t now_us = platform_.clocks().wall_us;
    std::string detail;
    std::int64_t interval_us = 0, at_us = 0;
    Prepared newest(database,
                    "SELECT t.at_us, r.interval_us FROM tick AS t JOIN recording AS r USING (recording_id)"
                    " ORDER BY t.tick_id DESC LIMIT 1");
    newest.rows([&](SQLite::Statement& row) {
      at_us = row.getColumn(0).getInt64();
      interval_us = row.getColumn(1).getInt64();
      detail = "last tick " + age_of(at_us, now_us);
    });
    const auto holder = platform_.lock_holder(recorder_lock_path(path_));
    constexpr std::int64_t kPatienceUs = 2'000'000;
    if (!holder && !detail.empty() && at_us + 2 * interval_us + kPatienceUs >= now_us && !may_read_lock()) {
      return {"recorder", State::Ok, detail + ".", ""};  // whose lock this user may not look at
    }
    if (!holder) {
      return {"recorder", State::Warning, "none runs" + (detail.empty() ? "." : "; " + detail + "."),
              "Start one: galproc record."};
    }
    const std::string running = fmt::format("pid {}; {}", *holder, detail.empty() ? "no tick yet" : detail);
    if (at_us + 2 * interval_us + kPatienceUs < now_us) {
      return {"recorder", State::Broken, running + ".",
              "It stores nothing: it is stopped, or the file is locked or cannot grow. Its stderr says which."};
    }
    return {"recorder", State::Ok, running + ".", ""};
  }

  /// Of the recording that runs, or of the last one: what it took, why nothing better, and what it lost.
  static std::vector<Finding> sources(SQLite::Database& database) {
    std::vector<Finding> findings;
    Prepared newest(database,
                    "SELECT process_source, process_source_reason, socket_source, socket_source_reason, event_source,"
                    " event_source_reason, events_lost, limits FROM recordings ORDER BY recording_id DESC LIMIT 1");
    newest.rows([&](SQLite::Statement& row) {
      int column = 0;
      for (const char* check : {"recorded_processes", "recorded_sockets", "recorded_events"}) {
        const auto reason = optional_text(row.getColumn(column + 1));
        findings.push_back({check, reason ? State::Warning : State::Ok,
                            row.getColumn(column).getString() + (reason ? ", not " + *reason : ""), ""});
        column += 2;
      }
      Finding& events = findings.back();
      const auto lost = optional_number(row.getColumn(column));
      if (lost) events.detail += fmt::format("; {} lost", *lost);
      if (lost.value_or(0) > 0) {
        events.state = State::Warning;
        events.advice = "When, and how many: galproc query gaps.";
      }
      if (const auto limits = optional_text(row.getColumn(column + 1))) {
        findings.push_back({"recorded_limits", State::Warning, *limits, ""});
      }
    });
    return findings;
  }

  std::optional<Finding> clock(SQLite::Database& database) {
    const auto ahead_us = Prepared(database, "SELECT max(at_us) FROM tick").number();
    const std::int64_t now_us = platform_.clocks().wall_us;
    if (!ahead_us) return std::nullopt;
    constexpr std::int64_t kToleratedUs = 1'000'000;
    if (*ahead_us <= now_us + kToleratedUs) return Finding{"clock", State::Ok, "not behind the newest tick", ""};
    return Finding{"clock", State::Warning,
                   fmt::format("{} behind the newest tick: it was set back.", format_duration(*ahead_us - now_us)),
                   "Questions about now name that tick until the clock has passed it: give --at."};
  }

  Finding wal() const {
    std::error_code failed;
    const auto bytes = fs::file_size(path_.string() + "-wal", failed);
    if (failed || static_cast<std::int64_t>(bytes) <= kMostWalBytes) {
      return {"wal", State::Ok, failed ? "none" : fmt::format("{} bytes", bytes), ""};
    }
    return {"wal", State::Warning,
            fmt::format("{} bytes: a reader that does not finish keeps it from being emptied.", bytes),
            fmt::format("End that one: lsof {} names all who have it open.", path_.string())};
  }

  Finding disk() const {
    constexpr std::uintmax_t kLittle = 256ULL * 1024 * 1024;
    std::error_code failed;
    fs::path folder = fs::absolute(path_).parent_path();
    while (!fs::exists(folder, failed) && folder.has_relative_path()) folder = folder.parent_path();
    const fs::space_info space = fs::space(folder, failed);
    if (failed) return {"disk", State::Warning, folder.string() + ": " + failed.message(), ""};
    const auto network = platform_.network_file_system(path_);
    if (network) {
      return {"disk", State::Broken, fmt::format("{} lies on {}, a network file system.", folder.string(), *network),
              "SQLite's locks do not hold there: name a file on a local disk with --db."};
    }
    const std::string detail = fmt::format("{} bytes free at {}", space.available, folder.string());
    if (space.available >= kLittle) return {"disk", State::Ok, detail, ""};
    return {"disk", State::Warning, detail, "Make room: the recorder stops storing when the disk is full."};
  }

  const fs::path& path_;
  Platform& platform_;
};

ExitCode doctor(const Context& context) {
  const std::unique_ptr<Platform> platform = make_platform();
  std::vector<Finding> findings = platform->diagnose();
  findings.push_back(sqlite());
  const fs::path path = database_to_read(context);
  for (Finding& finding : FileFindings(path, *platform).all()) findings.push_back(std::move(finding));

  RowSet rows;
  rows.columns = {{"check"}, {"state"}, {"detail"}, {"advice"}};
  State worst = State::Ok;
  for (const Finding& finding : findings) {
    worst = std::max(worst, finding.state);
    rows.rows.push_back({finding.check, std::string(to_text(finding.state)), finding.detail,
                         finding.advice.empty() ? Value() : Value(finding.advice)});
  }
  context.print(rows);
  // The contract's numbers for this verb; 2 is that of a usage error elsewhere.
  return static_cast<ExitCode>(worst == State::Ok ? 0 : worst == State::Warning ? 1 : 2);
}

}  // namespace

void add_doctor(CLI::App& app, Context& context) {
  CLI::App* verb = app.add_subcommand("doctor", kDescription);
  verb->footer(kCommonFlagsNote);
  context.actions[verb] = [&context] { return doctor(context); };
}

}  // namespace galproc
