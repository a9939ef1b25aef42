#include "store/action_rows.h"

#include "model/text.h"

namespace galproc {

namespace {

std::string clean(const std::string& bytes) {
  return clean_utf8(bytes).text;
}

std::optional<std::string> clean(const std::optional<std::string>& bytes) {
  return bytes ? std::optional(clean(*bytes)) : std::nullopt;
}

/// The exit code in a word.
const char* outcome_of(int exit_code) {
  constexpr int kSignalled = 128;
  switch (static_cast<ExitCode>(exit_code)) {
    case ExitCode::Done: return "done";
    case ExitCode::NotFound: return "not_found";
    case ExitCode::Refused: return "refused";
    case ExitCode::NotLogged: return "not_logged";
    case ExitCode::StillThere: return "still_there";
    default: return exit_code > kSignalled ? "interrupted" : "failed";
  }
}

}  // namespace

ActionRows::ActionRows(SQLite::Database& database, const Redactor& redactor)
    : database_(database),
      redactor_(redactor),
      processes_(database),
      ledger_(database),
      insert_action_(database,
                     "INSERT INTO action (boot_id, at_us, verb, actor_pid, actor_start_token, actor_upid, actor_name,"
                     " uid, user, login_uid, sudo_user, tty, cwd, command_line, host, reason)"
                     " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING action_id"),
      insert_attempt_(database,
                      "INSERT INTO attempt (action_id, at_us, target_upid, boot_id, target_pid, target_start_token,"
                      " target_name, target_executable, target_uid, target_user, method, signal, why)"
                      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING attempt_id"),
      insert_outcome_(database,
                      "INSERT INTO attempt_outcome (attempt_id, at_us, outcome, error, ended_us, exit_code,"
                      " exit_signal) VALUES (?, ?, ?, ?, ?, ?, ?)"),
      insert_action_outcome_(database,
                             "INSERT INTO action_outcome (action_id, at_us, outcome, exit_code) VALUES (?, ?, ?, ?)"),
      insert_service_(database,
                      "INSERT INTO service (action_id, at_us, name, marker, upid, venv, command_line,"
                      " working_directory, log_path, cgroup) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                      " RETURNING service_id") {}

std::string ActionRows::words(const std::vector<std::string>& arguments) const {
  // Redacted before it is joined and quoted, as everywhere: where one argument ends tells a secret from its neighbour.
  return clean(join_command_line(redactor_.redact(arguments)));
}

std::optional<std::string> ActionRows::talk(const std::optional<std::string>& text) const {
  return text ? std::optional(clean(redactor_.redact_text(*text))) : std::nullopt;
}

std::int64_t ActionRows::chained(const char* table, std::optional<std::int64_t> row_id) {
  ledger_.append(table, row_id.value());
  return *row_id;
}

std::int64_t ActionRows::add_action(const ActionEntry& action) {
  const CallerReading& caller = action.caller;
  return chained(
      "action", insert_action_.number(action.boot_id, action.at_us, action.verb, caller.key.pid, caller.key.start_token,
                                      action.actor_upid, clean(caller.name), caller.user_id, clean(caller.user_name),
                                      caller.login_id, clean(caller.sudo_user), clean(caller.terminal),
                                      clean(caller.working_directory), words(caller.arguments), clean(caller.host_name),
                                      talk(action.reason)));
}

std::int64_t ActionRows::add_attempt(const AttemptEntry& attempt) {
  // Of a mere number nobody knows which process it was: 0 would be a token like any other.
  const bool known = attempt.target_upid || attempt.target.start_token != 0;
  const auto start_token = known ? std::optional(attempt.target.start_token) : std::nullopt;
  return chained(
      "attempt",
      insert_attempt_.number(attempt.action_id, attempt.at_us, attempt.target_upid, attempt.boot_id, attempt.target.pid,
                             start_token, clean(attempt.name), clean(attempt.executable), attempt.user_id,
                             clean(attempt.user_name), attempt.method, attempt.signal, clean(attempt.why)));
}

void ActionRows::add_outcome(const OutcomeEntry& outcome) {
  std::optional<std::int64_t> code, signal;
  if (outcome.wait_status) {
    const std::int64_t signal_number = *outcome.wait_status & 0x7f;
    if (signal_number != 0) {
      signal = signal_number;
    } else {
      code = *outcome.wait_status >> 8 & 0xff;
    }
  }
  insert_outcome_.run(outcome.attempt_id, outcome.at_us, outcome.outcome, talk(outcome.error), outcome.ended_us, code,
                      signal);
  chained("attempt_outcome", outcome.attempt_id);
}

void ActionRows::add_action_outcome(std::int64_t action_id, std::int64_t at_us, int exit_code) {
  insert_action_outcome_.run(action_id, at_us, outcome_of(exit_code), exit_code);
  chained("action_outcome", action_id);
}

std::int64_t ActionRows::add_service(const ServiceEntry& service) {
  return chained("service", insert_service_.number(service.action_id, service.at_us, clean(service.name),
                                                   clean(service.marker), service.upid, clean(service.venv),
                                                   words(service.arguments), clean(service.working_directory),
                                                   clean(service.log_path), clean(service.cgroup)));
}

ActionPrunePlan ActionRows::prune_actions(std::int64_t action_id, std::int64_t before_us,
                                          const std::unordered_set<std::int64_t>& in_use) {
  ActionPrunePlan plan = plan_action_prune(database_, before_us, in_use);
  if (!plan.action_ids.empty()) galproc::prune_actions(database_, ledger_, plan, action_id);
  return plan;
}

}  // namespace galproc
