// A crowded machine: every process and every socket of it is there, with the right holder.

#include <map>

#include "support/crowd.h"
#include "support/program.h"

namespace galproc {
namespace {

using ProgramScale = ProgramTest;

TEST_F(ProgramScale, EveryOneOfTwoThousandProcessesAndSocketsIsThereWithItsHolder) {
  const Crowd crowd(2000, Crowd::Ports::OneEach);
  const std::size_t count = crowd.pids().size();
  if (count < 2000) RecordProperty("lowered_to", static_cast<int>(count));
  std::cout << "with " << count << " processes" << (count < 2000 ? ", which is all that the limits allow" : "")
            << std::endl;
  ASSERT_GT(count, 50U) << "too few processes are allowed: ulimit -u";
  ASSERT_EQ(crowd.ports().size(), count);
  std::map<std::int64_t, std::int64_t> port_of;
  for (const auto& [pid, port] : crowd.ports()) {
    ASSERT_GT(port, 0) << "no port left: " << std::strerror(-port);
    port_of[pid] = port;
  }
  snapshot(2);

  EXPECT_EQ(ask("SELECT count(*), min(process_count) >= " + std::to_string(count) + " FROM ticks"), "2|1\n");
  std::map<std::int64_t, std::int64_t> found;
  SQLite::Database database(db().string(), SQLite::OPEN_READONLY);
  SQLite::Statement rows(
      database,
      "SELECT b.pid, b.port FROM port_bindings AS b JOIN processes AS p USING (upid) WHERE p.parent_pid = ?"
      " AND p.pid = b.pid AND b.protocol = 'tcp' AND b.address = '127.0.0.1' AND b.released_us IS NULL");
  rows.bind(1, ::getpid());
  while (rows.executeStep()) found[rows.getColumn(0).getInt64()] = rows.getColumn(1).getInt64();
  EXPECT_TRUE(found == port_of) << found.size() << " of " << count << " bindings are right";
  EXPECT_EQ(ask(fmt::format("SELECT count(*), count(ended_us), count(DISTINCT upid), min(name), max(name) FROM "
                            "processes WHERE parent_pid = {}"
                            " AND name = 'program_scale_test'",
                            ::getpid())),
            fmt::format("{0}|0|{0}|program_scale_test|program_scale_test\n", count));
  // Nobody did anything between the two ticks, so the second holds next to nothing.
  EXPECT_EQ(ask(fmt::format(
                "SELECT count(*) >= {0}, count(*) < {0} + {0} / 2 FROM process_samples JOIN processes USING (upid)"
                " WHERE parent_pid = {1}",
                count, ::getpid())),
            "1|1\n");

  const Json tree = query({"tree", "--pid", std::to_string(::getpid())});
  EXPECT_GE(tree.size(), count);
  const auto [pid, port] = *crowd.ports().rbegin();
  const Json holder = query({"port-holder", "--port", std::to_string(port)});
  EXPECT_EQ(std::count_if(holder.begin(), holder.end(), [&](const Json& row) { return row["pid"] == pid; }), 1);
}

}  // namespace
}  // namespace galproc
