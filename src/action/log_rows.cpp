#include "action/log_rows.h"

#include <utility>

#include "model/own_arguments.h"

namespace galproc {

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
