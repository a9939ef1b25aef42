#pragma once

// What is chained, for those who add to the ledger and those who check it.

#include <SQLiteCpp/SQLiteCpp.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace galproc {

struct ChainedTable {
  const char* name;
  const char* key;
  const char* columns;  ///< in the order in which they are hashed
};

constexpr int kLedgerFormat = 1;

/// Format 1. Never changed: columns and tables that a later migration adds belong to a format of their own, or no older
/// row would hold any more.
constexpr std::array<ChainedTable, 7> kFormat1{{
    {"action", "action_id",
     "boot_id, at_us, verb, actor_pid, actor_start_token, actor_upid, actor_name, uid, user, login_uid, sudo_user, tty,"
     " cwd, command_line, host, reason"},
    {"action_outcome", "action_id", "at_us, outcome, exit_code"},
    {"attempt", "attempt_id",
     "action_id, at_us, target_upid, boot_id, target_pid, target_start_token, target_name, target_executable,"
     " target_uid, target_user, method, signal, why"},
    {"attempt_outcome", "attempt_id", "at_us, outcome, error, ended_us, exit_code, exit_signal"},
    {"service", "service_id",
     "action_id, at_us, name, marker, upid, venv, command_line, working_directory, log_path, cgroup"},
    {"prune", "prune_id", "at_us, reason, before_tick_id, from_us, until_us"},
    {"action_prune", "action_id",
     "before_us, from_us, before_action_id, action_count, attempt_count, last_attempt_id, last_service_id, before_seq,"
     " cut_hash"},
}};

/// Null for a table that is not chained.
const ChainedTable* chained_table(std::string_view name);

/// The statement that gives the hashed columns of the row whose key is bound to it.
std::string select_chained(const ChainedTable& table);

/// REQUIRES: `row` is a select_chained that stands on its row.
std::string ledger_hash(const std::string& prev_hash, const std::string& table, std::int64_t row_id,
                        SQLite::Statement& row);

/// What the first row of the ledger follows; empty where the row of origin is gone.
std::optional<std::string> ledger_start(SQLite::Database& database);

/// 64 lower-case hex digits.
bool is_ledger_hash(std::string_view text);

}  // namespace galproc
