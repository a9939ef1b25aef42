#include "action/log_rows.h"

#include <fstream>
#include <utility>

#include "model/own_arguments.h"
#include "store/database.h"

namespace galproc {

namespace {

Error not_logged(const std::string& why) {
  return Error(ExitCode::NotLogged, why + " Nothing was done to any process.");
}

/// How long is waited for a recorder to notice that its files were taken away, which it does at each look.
constexpr std::int64_t kPatienceUs = 10'000'000, kRetryUs = 50'000;

/// The file, -wal and -shm that the recorder has open, as it says itself; "": there is none, it does not say, or it has
/// another file by now.
std::string companions_of_recorder(Platform& platform, const std::filesystem::path& path) {
  if (!platform.lock_holder(recorder_lock_path(path))) return "";
  std::ifstream file(recorder_lock_path(path));
  std::string line;
  std::getline(file, line);
  const std::string now = platform.companions_of(path);
  return line.substr(0, line.find(' ')) == now.substr(0, now.find(' ')) ? line : "";
}

}  // namespace

bool is_as_its_recorder_has_it(Platform& platform, const std::filesystem::path& path) {
  const std::string told = companions_of_recorder(platform, path);
  return told.empty() || told == platform.companions_of(path);
}

std::unique_ptr<ActionLog> open_action_log(Platform& platform, const std::filesystem::path& path,
                                           const Redactor& redactor) {
  if (const auto remote = platform.network_file_system(path)) {
    throw not_logged("The database " + path.string() + " lies on a network file system (" + *remote +
                     "), where its journal does not work; name one on a local disk with --db.");
  }
  try {
    platform.make_shared_folder(path.parent_path());
    platform.make_shared_file(path);
  } catch (const PlatformError& error) {
    throw not_logged(error.what());
  }
  for (const std::int64_t until_us = platform.clocks().boot_us + kPatienceUs;;) {
    // Both before and after it is opened: what is opened in between may be neither.
    const std::string before = companions_of_recorder(platform, path);
    const auto are_those_of_recorder = [&] {
      const std::string now = companions_of_recorder(platform, path);
      return now.empty() || (now == before && now == platform.companions_of(path));
    };
    try {
      auto log = std::make_unique<ActionLog>(path, redactor);
      if (are_those_of_recorder()) return log;
    } catch (const Error&) {
      if (are_those_of_recorder()) throw;
    }
    if (platform.clocks().boot_us >= until_us ||
        platform.sleep_until(platform.clocks().boot_us + kRetryUs) == Wake::Stop) {
      throw not_logged("The -wal or -shm of the database " + path.string() +
                       " was removed under its recorder, which would overwrite what is logged now. Restart it, or try "
                       "again after its next look.");
    }
  }
}

LogRows::LogRows(ActionWriter& writer, const Redactor& redactor, const Clocks& now, std::int64_t boot_id,
                 const ProcessPass& pass)
    : writer_(writer), redactor_(redactor), now_(now), boot_id_(boot_id) {
  for (const ProcessReading& process : pass.processes) by_pid_.emplace(process.key.pid, &process);
}

std::int64_t LogRows::upid_of(const ProcessReading& process, bool with_image) {
  const auto [known, is_unmet] = upids_.try_emplace(process.key, 0);
  if (!is_unmet) return known->second;
  ProcessStore::FirstSight sight;
  sight.key = process.key;
  sight.started_us = now_.wall_us - now_.boot_us + process.started_boot_us;
  sight.kernel_thread = process.kernel_thread;
  sight.source = Witness::Action;
  sight.met_us = now_us();
  sight.parent_pid = process.parent_pid;
  if (const auto parent = by_pid_.find(process.parent_pid); parent != by_pid_.end()) {
    const std::int64_t parent_upid = upid_of(*parent->second);
    if (parent_upid > 0) sight.parent_upid = parent_upid;  // 0: one that is met right now, its own descendant
  }
  const auto identity = writer_.processes().upid_of(boot_id_, sight);
  if (identity.is_new && with_image && process.image) {
    writer_.processes().add_image(identity.upid, 1, now_us(), stored_image(*process.image, &redactor_));
  }
  return upids_[process.key] = identity.upid;
}

std::int64_t LogRows::add_action(const std::string& verb, CallerReading caller,
                                 const std::optional<std::string>& reason) {
  ActionEntry action;
  action.verb = verb;
  action.at_us = now_us();
  action.boot_id = boot_id_;
  const auto self = by_pid_.find(caller.key.pid);
  if (self != by_pid_.end() && self->second->key == caller.key) action.actor_upid = upid_of(*self->second);
  action.caller = std::move(caller);
  action.caller.arguments = without_env_values(std::move(action.caller.arguments), true);
  action.reason = reason;
  return writer_.add_action(action);
}

}  // namespace galproc
