// The verbs that answer with one object: inspect and resources, on real processes.

#include <sys/resource.h>

#include <fstream>

#include "support/program.h"
#include "support/puppet.h"

namespace galproc {
namespace {

class ProgramInspect : public ProgramTest {
 protected:
  static constexpr const char* kGenerous[] = {"--max-cpu", "101", "--max-memory", "101", "--max-disk", "101"};

  /// The object that a verb prints as JSON; it must succeed.
  Json object(const Words& words) const {
    Words all = words;
    all.insert(all.end(), {"--db", db().string(), "--json", "-q"});
    const Ran ran = galproc(all);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    const Json parsed = Json::parse(ran.out, nullptr, false);
    EXPECT_TRUE(parsed.is_object()) << ran.out;
    return parsed;
  }
  static std::string text(const Json& value) { return value.is_string() ? value.get<std::string>() : "not text"; }
  static bool has(const Json& value, const std::string& part) { return text(value).find(part) != std::string::npos; }
};

/// A connection of this very process to a listener on loopback.
class Client {
 public:
  explicit Client(int port) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(static_cast<std::uint16_t>(port));
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0)
      ADD_FAILURE() << "not connected";
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  int port() const { return port_of(socket_); }

 private:
  int socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
};

TEST_F(ProgramInspect, TellsAllAboutOneProcess) {
  Puppet puppet;
  const int port = puppet.listen();
  ASSERT_GT(port, 0);
  puppet.rename("a, b");
  const pid_t child = puppet.fork_child();
  puppet.rename("program_inspect_test");
  const Json row = object({"inspect", std::to_string(puppet.pid())});
  EXPECT_EQ(row["upid"], nullptr);
  EXPECT_EQ(row["pid"], puppet.pid());
  EXPECT_GT(row["start_token"].get<std::int64_t>(), 0);
  EXPECT_EQ(row["parent_pid"], ::getpid());
  EXPECT_EQ(row["name"], "program_inspect_test");
  EXPECT_EQ(row["parent_name"], "program_inspect_test");
  EXPECT_EQ(row["executable"], fs::read_symlink("/proc/self/exe").string());
  EXPECT_TRUE(has(row["command_line"], "program_inspect_test")) << row.dump(1);
  EXPECT_EQ(row["state"], "sleeping");
  EXPECT_EQ(row["cpu_pct"], 0.0);
  EXPECT_GT(row["resident_bytes"].get<std::int64_t>(), 0);
  EXPECT_EQ(row["thread_count"], 1);
  EXPECT_EQ(row["children"].dump(), fmt::format(R"([{{"pid":{},"name":"a, b","depth":1}}])", child));
  EXPECT_EQ(row["ports"].dump(), fmt::format(R"([{{"protocol":"tcp","address":"127.0.0.1","port":{}}}])", port));
  EXPECT_EQ(row["connections"], Json::array());
  EXPECT_EQ(row["working_directory"], fs::current_path().string());
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  EXPECT_EQ(row["max_open_files"], static_cast<std::int64_t>(files.rlim_cur));
  EXPECT_TRUE(
      has(row["limits"].dump(), fmt::format(R"({{"name":"open_files","value":{},"unlimited":0}})", files.rlim_cur)))
      << row["limits"];
  const Ran table = galproc({"inspect", std::to_string(puppet.pid())});
  EXPECT_TRUE(has(table.out, fmt::format("{} a, b\n", child))) << table.out;
  EXPECT_TRUE(has(table.out, fmt::format("tcp 127.0.0.1:{}\n", port))) << table.out;
  EXPECT_TRUE(has(table.out, fmt::format("open_files {}", files.rlim_cur))) << table.out;
  EXPECT_LT(std::abs(row["started_us"].get<std::int64_t>() - now_us()), 600'000'000);
  EXPECT_TRUE(has(row["started_at"], "Z"));
  EXPECT_EQ(listing(folder_.path()), "") << "a look made something";
  snapshot();
  EXPECT_EQ(object({"inspect", std::to_string(puppet.pid())})["upid"],
            std::atoll(ask(fmt::format("SELECT upid FROM processes WHERE pid = {}", puppet.pid())).c_str()));
}

TEST_F(ProgramInspect, ShowsBothEndsOfAConnection) {
  Puppet puppet;
  const int port = puppet.listen();
  ASSERT_GT(port, 0);
  const Client client(port);
  const Json row = object({"inspect", std::to_string(::getpid())});
  EXPECT_TRUE(has(row["connections"].dump(), fmt::format(R"({{"local_address":"127.0.0.1","local_port":{},)"
                                                         R"("remote_address":"127.0.0.1","remote_port":{}}})",
                                                         client.port(), port)))
      << row.dump(1);
  EXPECT_TRUE(has(row["children"].dump(), fmt::format(R"({{"pid":{},)", puppet.pid()))) << row.dump(1);
}

TEST_F(ProgramInspect, MeasuresCpuWhileItLooks) {
  Program busy = start({"/bin/sh", "-c", "while :; do :; done"});
  double used = 0;
  EXPECT_TRUE(wait_until([&] {
    const Json row = object({"inspect", std::to_string(busy.pid())});
    return (used = row["cpu_pct"].get<double>()) > 1;
  })) << used;
}

TEST_F(ProgramInspect, SaysOfALimitThatThereIsNone) {
  rlimit limit{RLIM_INFINITY, RLIM_INFINITY};
  Program sleeper = start({"/bin/sleep", "600"}, {{}, [&] {
                                                    ::setrlimit(RLIMIT_AS, &limit);
                                                    limit = {1234, 1234};
                                                    ::setrlimit(RLIMIT_NOFILE, &limit);
                                                  }});
  Json row;
  wait_until([&] { return (row = object({"inspect", std::to_string(sleeper.pid())}))["name"] == "sleep"; });
  EXPECT_EQ(row["max_address_space_bytes"], nullptr);
  EXPECT_EQ(row["max_open_files"], 1234);
  EXPECT_TRUE(has(row["limits"].dump(), R"({"name":"address_space_bytes","value":null,"unlimited":1})"))
      << row["limits"];
}

TEST_F(ProgramInspect, OfNobodyIsNotFound) {
  for (const char* pid : {"999999999", "4194305"}) {
    const Ran ran = galproc({"inspect", pid});
    EXPECT_EQ(ran.exit_code, 3);
    EXPECT_EQ(ran.out, "");
    EXPECT_NE(ran.err.find(pid), std::string::npos) << ran.err;
  }
  for (const char* pid : {"0", "x", "-9"}) EXPECT_EQ(galproc({"inspect", pid}).exit_code, 2);
  EXPECT_EQ(galproc({"inspect"}).exit_code, 2);
}

TEST_F(ProgramInspect, OfAZombieShowsItsState) {
  Puppet puppet;
  const pid_t zombie = puppet.leave_zombie(3);
  Json row;
  EXPECT_TRUE(wait_until([&] {
    return (row = object({"inspect", std::to_string(zombie)}))["state"] == "zombie";
  })) << row.dump(1);
}

TEST_F(ProgramInspect, InATableIsFieldAndValueAndInCsvOneRow) {
  const std::string pid = std::to_string(::getpid());
  const Ran table = galproc({"inspect", pid});
  EXPECT_EQ(table.exit_code, 0);
  EXPECT_TRUE(table.out.starts_with("field")) << table.out;
  EXPECT_NE(table.out.find("\nname "), std::string::npos) << table.out;
  const Ran csv = galproc({"inspect", pid, "--format", "csv"});
  EXPECT_TRUE(csv.out.starts_with("upid,pid,start_token")) << csv.out;
  EXPECT_EQ(std::count(csv.out.begin(), csv.out.end(), '\n'), 2) << csv.out;
  EXPECT_TRUE(galproc({"inspect", pid, "--format", "markdown"}).out.starts_with("| field"));
}

TEST_F(ProgramInspect, ResourcesAreOneObjectOfPlausibleFigures) {
  const Json row = object({"resources"});
  EXPECT_EQ(row["system"], "Linux");
  EXPECT_GE(row["cpu_count"].get<int>(), 1);
  for (const char* column : {"cpu_pct", "memory_used_pct", "disk_used_pct"}) {
    EXPECT_GE(row[column].get<double>(), 0) << column;
    EXPECT_LE(row[column].get<double>(), 100) << column;
  }
  EXPECT_GT(row["memory_total_bytes"].get<std::int64_t>(), row["memory_available_bytes"].get<std::int64_t>());
  EXPECT_GE(row["disk_total_bytes"].get<std::int64_t>(), row["disk_used_bytes"].get<std::int64_t>());
  EXPECT_GE(row["process_count"].get<int>(), 2);
  EXPECT_TRUE(has(row["booted_at"], "Z"));
  EXPECT_LT(row["booted_us"].get<std::int64_t>(), now_us());
  for (const char* column : {"release", "version", "machine"}) EXPECT_NE(text(row[column]), "") << column;
  EXPECT_FALSE(row.contains("cpu_ok"));
}

TEST_F(ProgramInspect, ResourcesCheckFailsWhereALimitIsReachedAndSaysWhich) {
  Words words = {"resources", "--check", "--json", "--max-processes", "1"};
  words.insert(words.end(), std::begin(kGenerous), std::end(kGenerous));
  const Ran over = galproc(words);
  EXPECT_EQ(over.exit_code, 1);
  const Json row = Json::parse(over.out);
  EXPECT_EQ(row["process_count_ok"], 0);
  for (const char* column : {"cpu_ok", "memory_ok", "disk_ok"}) EXPECT_EQ(row[column], 1) << column;
  EXPECT_NE(over.err.find("--max-processes 1"), std::string::npos) << over.err;
  EXPECT_EQ(over.err.find("--max-cpu"), std::string::npos) << over.err;
  words[4] = "1000000";
  const Ran under = galproc(words);
  EXPECT_EQ(under.exit_code, 0) << under.err;
  EXPECT_EQ(under.err, "");
  EXPECT_EQ(Json::parse(under.out)["process_count_ok"], 1);
  // The value itself is too much.
  EXPECT_EQ(galproc({"resources", "--check", "--max-memory", "0"}).exit_code, 1);
}

TEST_F(ProgramInspect, ResourcesTakesItsLimitsFromTheConfiguration) {
  const fs::path config = folder_ / "config.toml";
  std::ofstream(config) << "[resources]\nmax-cpu = 101\nmax-memory = 101\nmax-disk = 101\nmax-processes = 1\n";
  const Ran over = galproc({"resources", "--check", "--config", config.string()});
  EXPECT_EQ(over.exit_code, 1) << over.err;
  EXPECT_NE(over.err.find("--max-processes 1"), std::string::npos) << over.err;
  const Ran typed = galproc({"resources", "--check", "--config", config.string(), "--max-processes", "1000000"});
  EXPECT_EQ(typed.exit_code, 0) << typed.err;
  for (const Words& words : {Words{"resources", "--max-cpu", "much"}, Words{"resources", "--max-disk", "-1"},
                             Words{"resources", "--path", (folder_ / "none").string()}}) {
    EXPECT_EQ(galproc(words).exit_code, 2);
  }
}

}  // namespace
}  // namespace galproc
