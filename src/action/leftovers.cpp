#include "action/leftovers.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>

namespace galproc {

namespace {

std::string sentence_of(std::int64_t action_id, const std::vector<std::pair<std::int64_t, std::string>>& stopped) {
  constexpr std::size_t kNamed = 10;
  std::string names, pids;
  for (const auto& [pid, name] : stopped) pids += fmt::format(" {}", pid);
  for (std::size_t i = 0; i < std::min(kNamed, stopped.size()); ++i) {
    names += fmt::format("{}{} ({})", i == 0 ? "" : ", ", stopped[i].first, stopped[i].second);
  }
  if (stopped.size() > kNamed) names += fmt::format(" and {} more", stopped.size() - kNamed);
  return fmt::format(
      "{} still stopped, since action {} was ended half-way: {}. Continue with `kill -CONT{}`, or end with "
      "`galproc kill{}`.",
      stopped.size() == 1 ? "A process is" : fmt::format("{} processes are", stopped.size()), action_id, names, pids,
      pids);
}

}  // namespace

std::vector<std::string> stopped_leftovers(SQLite::Database& database, Platform& platform) {
  const HostReading host = platform.host();
  Prepared unfinished(database,
                      "SELECT a.target_pid, a.target_start_token, max(a.action_id) FROM attempt AS a"
                      " CROSS JOIN boot AS b ON b.boot_id = a.boot_id"
                      " WHERE a.method = 'forced' AND b.boot_uuid = ? AND b.pid_namespace = ?"
                      " AND a.target_start_token IS NOT NULL"
                      " AND NOT EXISTS (SELECT 1 FROM attempt_outcome AS o WHERE o.attempt_id = a.attempt_id)"
                      " GROUP BY 1, 2");
  std::unordered_map<ProcessKey, std::int64_t, ProcessKeyHash> action_of;
  unfinished.rows(
      [&](SQLite::Statement& row) {
        action_of[{row.getColumn(0).getInt64(), row.getColumn(1).getInt64()}] = row.getColumn(2).getInt64();
      },
      host.boot_uuid, host.pid_namespace);
  std::vector<std::string> sentences;
  if (action_of.empty()) return sentences;
  std::map<std::int64_t, std::vector<std::pair<std::int64_t, std::string>>> stopped;
  for (const ProcessReading& process : platform.read_processes().processes) {
    const auto action = action_of.find(process.key);
    if (action == action_of.end() || process.usage.state != ProcessState::Stopped) continue;
    stopped[action->second].emplace_back(process.key.pid, process.image ? process.image->name : "?");
  }
  for (const auto& [action_id, processes] : stopped) sentences.push_back(sentence_of(action_id, processes));
  return sentences;
}

}  // namespace galproc
