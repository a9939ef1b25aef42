// Ports that real processes hold, give up and take over, on loopback alone.

#include <random>

#include "support/program.h"
#include "support/puppet.h"

namespace galproc {
namespace {

class ProgramPort : public ProgramTest {
 protected:
  /// A port of the puppet's that the kernel would not give to anyone who asks for just any, so that it stays free
  /// after.
  static int listen_somewhere(Puppet& puppet) {
    std::mt19937 random{std::random_device{}()};
    for (int attempt = 0; attempt < 100; ++attempt) {
      const int port = puppet.listen(std::uniform_int_distribution(10'000, 32'000)(random));
      if (port > 0) return port;
    }
    return -EADDRINUSE;
  }
  /// Who held the port, as port-holder says: pids, and what else has to be right.
  std::vector<int> holders(int port, const std::string& at, const std::string& protocol = "tcp",
                           const std::string& address = "127.0.0.1") const {
    std::vector<int> pids;
    Words words = {"port-holder", "--port", std::to_string(port)};
    if (!at.empty()) words.insert(words.end(), {"--at", at});
    for (const Json& row : query(words)) {
      EXPECT_EQ(row["port"], port);
      if (row["protocol"] != protocol || row["address"] != address)
        continue;  // others may hold the same number elsewhere
      EXPECT_EQ(row["name"], "program_port_test");
      EXPECT_EQ(
          row["upid"],
          std::atoll(ask(fmt::format("SELECT upid FROM processes WHERE pid = {}", row["pid"].get<int>())).c_str()));
      pids.push_back(row["pid"]);
    }
    std::sort(pids.begin(), pids.end());
    return pids;
  }
  static std::vector<int> sorted(std::vector<int> pids) {
    std::sort(pids.begin(), pids.end());
    return pids;
  }
};

TEST_F(ProgramPort, ThatMovesToAnotherProcessIsTwoIntervalsAndAnyMomentHasItsAnswer) {
  Puppet old, young;
  Program recorder = record();
  settle();
  std::vector<std::int64_t> moments = {now_us()};
  const int port = listen_somewhere(old);
  ASSERT_GT(port, 0) << "no port is free";
  const std::int64_t bound_us = now_us();
  settle();
  moments.push_back(now_us());
  old.close_port();
  const std::int64_t closed_us = now_us();
  settle();
  moments.push_back(now_us());
  ASSERT_EQ(young.listen(port), port) << "somebody took the port";
  settle();
  moments.push_back(now_us());
  const int young_pid = young.pid();
  young.end();  // not closed: the end of a holder frees its ports
  settle();
  moments.push_back(now_us());
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();

  const std::vector<std::vector<int>> wanted = {{}, {old.pid()}, {}, {young_pid}, {}};
  for (std::size_t i = 0; i < moments.size(); ++i)
    EXPECT_EQ(holders(port, instant(moments[i])), wanted[i]) << "moment " << i;
  EXPECT_EQ(holders(port, ""), std::vector<int>{});

  const Json history = query({"port-history", "--port", std::to_string(port)});
  ASSERT_EQ(history.size(), 2U) << history.dump(1);
  EXPECT_EQ(history[0]["pid"], old.pid());
  EXPECT_EQ(history[1]["pid"], young_pid);
  EXPECT_LT(history[0]["released_at"], history[1]["bound_at"]);
  EXPECT_EQ(ask(fmt::format("SELECT pid, bound_earliest_us BETWEEN {} AND {}, bound_latest_us BETWEEN {} AND {},"
                            " released_earliest_us < {}, released_latest_us BETWEEN {} AND {}"
                            " FROM port_bindings WHERE port = {} ORDER BY binding_id LIMIT 1",
                            moments[0] - 1'000'000, bound_us, moments[0], moments[1], closed_us, moments[1], moments[2],
                            port)),
            fmt::format("{}|1|1|1|1\n", old.pid()));
}

TEST_F(ProgramPort, OfUdpAndOfIpv6AreSeenToo) {
  Puppet udp, six, six_udp;
  const int udp_port = udp.bind_udp();
  ASSERT_GT(udp_port, 0);
  const int six_port = six.listen(0, "::1");
  const int six_udp_port = six_udp.bind_udp(0, "::1");
  snapshot();
  EXPECT_EQ(holders(udp_port, "", "udp"), std::vector<int>{udp.pid()});
  if (six_port < 0) GTEST_SKIP() << "no IPv6 on loopback: " << std::strerror(-six_port);
  EXPECT_EQ(holders(six_port, "", "tcp", "::1"), std::vector<int>{six.pid()});
  EXPECT_EQ(holders(six_udp_port, "", "udp", "::1"), std::vector<int>{six_udp.pid()});
}

TEST_F(ProgramPort, HeldByTwoHasTwoHoldersUntilOneLetsGo) {
  Puppet parent;
  const int port = listen_somewhere(parent);
  ASSERT_GT(port, 0);
  const pid_t child = parent.fork_child();
  Program recorder = record();
  const std::int64_t both_us = now_us();
  parent.close_port();
  settle();
  const std::int64_t one_us = now_us();
  parent.reap_children();
  settle();
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
  EXPECT_EQ(holders(port, instant(both_us)), sorted({parent.pid(), child}));
  EXPECT_EQ(holders(port, instant(one_us)), std::vector<int>{child});
  EXPECT_EQ(holders(port, ""), std::vector<int>{});
}

TEST_F(ProgramPort, QueriesListAllThatAreHeldWithTheirHolders) {
  Puppet one, two;
  const int tcp = one.listen();
  const int udp = two.bind_udp(0, "127.0.0.2");
  ASSERT_GT(tcp, 0);
  ASSERT_GT(udp, 0);
  snapshot();
  std::vector<std::string> found;
  for (const Json& row : query({"ports"})) {
    if (row["pid"] != one.pid() && row["pid"] != two.pid()) continue;
    EXPECT_TRUE(row["released_at"].is_null());
    found.push_back(fmt::format("{} {} {} {}", row["pid"].get<int>(), row["protocol"].get<std::string>(),
                                row["address"].get<std::string>(), row["port"].get<int>()));
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> wanted = {fmt::format("{} tcp 127.0.0.1 {}", one.pid(), tcp),
                                     fmt::format("{} udp 127.0.0.2 {}", two.pid(), udp)};
  std::sort(wanted.begin(), wanted.end());
  EXPECT_EQ(found, wanted);
}

TEST_F(ProgramPort, StaysOneIntervalOverARestartOfTheRecorder) {
  Puppet puppet;
  const int port = listen_somewhere(puppet);
  ASSERT_GT(port, 0);
  snapshot();
  snapshot();
  const auto binding = [&] {
    return ask(
        fmt::format("SELECT pid, release_source, released_earliest_us < released_latest_us FROM port_bindings"
                    " WHERE port = {} AND protocol = 'tcp' AND address = '127.0.0.1'",
                    port));
  };
  EXPECT_EQ(binding(), fmt::format("{}|NULL|NULL\n", puppet.pid()));
  puppet.close_port();
  snapshot();
  EXPECT_EQ(binding(), fmt::format("{}|gap|1\n", puppet.pid()));
}

}  // namespace
}  // namespace galproc
