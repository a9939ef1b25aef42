#pragma once

// What galproc did in a simulated week: kills, and starts of services, by the log that commands write.

#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "bench/week_world.h"
#include "store/action_log.h"

namespace galproc::bench {

constexpr int kActions = 400;

struct Week {
  double days = 0;
  std::int64_t ticks = 0;
  double write_ms = 0;  ///< CPU of all ticks
  double wall_s = 0;
  std::int64_t first_us = 0, last_us = 0;
};

/// Spread over all of it.
inline void act(const std::filesystem::path& path, const Week& week, const WeekWorld& world) {
  std::mt19937_64 random(11);
  const Redactor redactor;
  ActionLog log(path, redactor);
  std::vector<std::pair<std::int64_t, ProcessKey>> lives;
  std::int64_t boot_id = 0;
  log.ask([&](SQLite::Database& database) {
    boot_id = database.execAndGet("SELECT boot_id FROM boot").getInt64();
    SQLite::Statement rows(database, "SELECT pid, start_token FROM process WHERE upid = ?");
    for (int i = 0; i < kActions; ++i) {
      const auto upid = static_cast<std::int64_t>(
          WeekWorld::kResidents + 1 + random() % static_cast<std::uint64_t>(std::max<std::int64_t>(1, world.lives())));
      rows.bind(1, upid);
      if (rows.executeStep()) lives.push_back({upid, {rows.getColumn(0).getInt64(), rows.getColumn(1).getInt64()}});
      rows.reset();
    }
  });
  log.commit([&](ActionWriter& writer) {
    for (std::size_t i = 0; i < lives.size(); ++i) {
      const auto share = static_cast<double>(i) / static_cast<double>(lives.size());
      ActionEntry action;
      action.verb = i % 20 == 0 ? "start" : "kill";
      action.at_us =
          week.first_us + static_cast<std::int64_t>(share * static_cast<double>(week.last_us - week.first_us));
      action.boot_id = boot_id;
      action.caller.key = {7, 7};
      action.caller.name = "galproc";
      action.caller.arguments = {"galproc", action.verb};
      action.caller.host_name = "bench";
      const std::int64_t action_id = writer.add_action(action);
      const auto& [upid, key] = lives[i];
      if (action.verb == "start") {
        writer.add_service({action_id,
                            action.at_us,
                            "service",
                            fmt::format("service-{}", i),
                            upid,
                            std::nullopt,
                            {"service"},
                            "/",
                            "/service.log",
                            std::nullopt});
      } else {
        AttemptEntry attempt;
        attempt.action_id = action_id;
        attempt.at_us = action.at_us;
        attempt.target_upid = upid;
        attempt.boot_id = boot_id;
        attempt.target = key;
        attempt.name = "node";
        attempt.method = "polite";
        attempt.signal = 15;
        attempt.why = "pid";
        writer.add_outcome({writer.add_attempt(attempt), action.at_us + 100'000, i % 3 == 0 ? "survived" : "exited",
                            std::nullopt, std::nullopt, std::nullopt});
      }
      writer.add_action_outcome(action_id, action.at_us + 200'000, 0);
    }
  });
}

}  // namespace galproc::bench
