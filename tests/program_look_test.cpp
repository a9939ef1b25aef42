// The verbs that look at the living system, on real processes: find and resolve.

#include <pwd.h>

#include <fstream>

#include "support/program.h"
#include "support/puppet.h"

namespace galproc {
namespace {

class ProgramLook : public ProgramTest {
 protected:
  /// The rows that a verb prints as JSON; it must succeed.
  Json rows_of_verb(const Words& words) const {
    Words all = {"--db", db().string(), "--json", "-q"};
    all.insert(all.begin(), words.begin(), words.end());
    const Ran ran = galproc(all);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    const Json rows = Json::parse(ran.out, nullptr, false);
    EXPECT_TRUE(rows.is_array()) << ran.out;
    return rows;
  }
  Json find(const Words& words) const {
    Words all = {"find"};
    all.insert(all.end(), words.begin(), words.end());
    return rows_of_verb(all);
  }
  /// The row of one pid, null where there is none.
  Json found(pid_t pid, const Words& words) const {
    for (const Json& row : find(words)) {
      if (row["pid"] == pid) return row;
    }
    return nullptr;
  }
  /// The same as soon as there is one: what was started needs a while to become its program.
  Json found_soon(pid_t pid, const Words& words) const {
    Json row;
    wait_until([&] { return !(row = found(pid, words)).is_null(); });
    return row;
  }
  /// The start is the wall clock less the boot clock at that moment: read twice, it may differ by a microsecond.
  static Json without_start(Json row) {
    row.erase("started_at");
    row.erase("started_us");
    return row;
  }
  static std::string user_name() { return ::getpwuid(::geteuid())->pw_name; }

  /// A folder that looks like a virtual environment, whose python3 sleeps.
  fs::path make_venv(const std::string& name) const {
    const fs::path venv = folder_ / name;
    fs::create_directories(venv / "bin");
    fs::create_symlink("/bin/sleep", venv / "bin/python3");
    std::ofstream(venv / "pyvenv.cfg") << "home = /usr/bin\n";
    return fs::canonical(venv);
  }
};

TEST_F(ProgramLook, FindsWhoHoldsAPortByPortByNameAndByUserAndNobodyByAnother) {
  Puppet puppet;
  const int port = puppet.listen();
  ASSERT_GT(port, 0);
  ASSERT_EQ(puppet.fork_child() > 0, true);  // holds it too
  puppet.rename("look puppet");
  const std::string text = std::to_string(port);
  const Json row = found(puppet.pid(), {"--port", text});
  ASSERT_FALSE(row.is_null());
  EXPECT_EQ(row["upid"], nullptr);
  EXPECT_EQ(row["parent_pid"], ::getpid());
  EXPECT_EQ(row["user"], user_name());
  EXPECT_EQ(row["ports"].dump(), fmt::format(R"([{{"protocol":"tcp","address":"127.0.0.1","port":{}}}])", port));
  EXPECT_EQ(row["venv"], nullptr);
  EXPECT_EQ(row["command_line"].get<std::string>().find("program_look_test"),
            row["command_line"].get<std::string>().rfind("program_look_test"));
  EXPECT_GT(row["started_us"].get<std::int64_t>(), now_us() - 600'000'000);
  EXPECT_EQ(find({"--port", text}).size(), 2U);
  const std::string name = row["name"];
  EXPECT_FALSE(found(puppet.pid(), {"--port", text, "--name", name}).is_null());
  EXPECT_FALSE(found(puppet.pid(), {"--name", name + ".EXE"}).is_null());
  EXPECT_FALSE(found(puppet.pid(), {"--user", user_name()}).is_null());
  EXPECT_FALSE(found(puppet.pid(), {"--user", std::to_string(::geteuid()), "--port", text}).is_null());
  EXPECT_FALSE(found(puppet.pid(), {}).is_null());
  EXPECT_EQ(find({"--port", text, "--name", "nobody has this name"}).size(), 0U);
  EXPECT_EQ(find({"--port", text, "--user", "12345678"}).size(), 0U);
  EXPECT_TRUE(found(puppet.pid(), {"--port", text == "2" ? "3" : "2"}).is_null());
  EXPECT_FALSE(found(puppet.pid(), {"--port", "2", "--port", text}).is_null());
  const Ran none = galproc({"find", "--name", "nobody has this name", "--json"});
  EXPECT_EQ(none.exit_code, 0);
  EXPECT_EQ(none.out, "[]\n");
  EXPECT_NE(none.err.find("No row."), std::string::npos) << none.err;
}

TEST_F(ProgramLook, FindsABoundUdpPortAndNoClient) {
  Puppet server, other;
  const int udp = server.bind_udp();
  ASSERT_GT(udp, 0);
  const Json rows = find({"--port", std::to_string(udp)});
  ASSERT_EQ(rows.size(), 1U) << rows.dump(1);
  EXPECT_EQ(rows[0]["ports"].dump(), fmt::format(R"([{{"protocol":"udp","address":"127.0.0.1","port":{}}}])", udp));
  const Ran table = galproc({"find", "--port", std::to_string(udp), "--format", "csv"});
  EXPECT_NE(table.out.find(fmt::format(",udp 127.0.0.1:{},", udp)), std::string::npos) << table.out;
  const int tcp = other.listen();
  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);  // held by this very process
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(static_cast<std::uint16_t>(tcp));
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(client, reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
  const Json holders = find({"--port", std::to_string(tcp)});
  ASSERT_EQ(holders.size(), 1U) << holders.dump(1);
  EXPECT_EQ(holders[0]["pid"], other.pid());
  ::close(client);
}

TEST_F(ProgramLook, FindsAVirtualEnvironmentByEachOfItsThreeEvidences) {
  const fs::path venv = make_venv("venv");
  make_venv("venv2");
  const std::string sleep = "/bin/sleep";
  Program by_line = start({(venv / "bin/python3").string(), "600"});
  Program by_folder = start({sleep, "600"}, {{}, [&] {
                                               if (::chdir((venv / "bin").c_str()) != 0) ::_exit(1);
                                             }});
  Program by_variable = start({sleep, "600"}, {{"VIRTUAL_ENV=" + venv.string()}, {}});
  Program neighbour = start({(folder_ / "venv2/bin/python3").string(), "600"});
  const Words words = {"--venv", (folder_ / "venv/").string()};
  const auto evidence = [&](const Program& program) {
    const Json row = found_soon(program.pid(), words);
    return row.is_null() ? "" : row["venv"].get<std::string>() + " " + row["venv_evidence"].get<std::string>();
  };
  EXPECT_EQ(evidence(by_line), venv.string() + " command_line");
  EXPECT_EQ(evidence(by_folder), venv.string() + " working_directory");
  EXPECT_EQ(evidence(by_variable), venv.string() + " environment");
  EXPECT_FALSE(found_soon(neighbour.pid(), {"--venv", (folder_ / "venv2").string()}).is_null());
  EXPECT_EQ(find(words).size(), 3U) << find(words).dump(1);
  const Json unasked = found(by_variable.pid(), {});
  EXPECT_EQ(unasked["venv"], venv.string());
  EXPECT_EQ(unasked["venv_evidence"], "environment");
}

TEST_F(ProgramLook, FindsWhoNamesAVirtualEnvironmentThatIsGone) {
  const fs::path venv = make_venv("venv");
  const std::string sleep = "/bin/sleep";
  Program by_line = start({(venv / "bin/python3").string(), "600"});
  Program by_folder = start({sleep, "600"}, {{}, [&] {
                                               if (::chdir((venv / "bin").c_str()) != 0) ::_exit(1);
                                             }});
  Program by_mention = start({sleep, "600", (venv / "bin/python3").string()});
  Program by_variable = start({sleep, "600"}, {{"VIRTUAL_ENV=" + venv.string()}, {}});
  const Words words = {"--venv", (folder_ / "venv/").string()};
  for (const Program* program : {&by_line, &by_folder, &by_variable}) {
    ASSERT_FALSE(found_soon(program->pid(), words).is_null());
  }
  snapshot();
  fs::remove_all(venv);
  EXPECT_EQ(found(by_line.pid(), words)["venv_evidence"], "command_line");
  EXPECT_EQ(found(by_variable.pid(), words)["venv_evidence"], "environment");
  EXPECT_EQ(find(words).size(), 2U) << find(words).dump(1);
  const Ran killed = galproc({"kill", "--db", db().string(), words[0], words[1], "--grace", "20s"});
  EXPECT_EQ(killed.exit_code, 0) << killed.err;
  EXPECT_EQ(by_line.wait(), 128 + SIGTERM);
  EXPECT_EQ(by_variable.wait(), 128 + SIGTERM);
  EXPECT_FALSE(by_folder.has_ended());
  const Json recorded = find({words[0], words[1], "--max-age", "1h"});
  EXPECT_EQ(recorded.size(), 2U) << recorded.dump(1);
}

TEST_F(ProgramLook, FindRefusesWhatIsNoPortNoFolderAndNoLength) {
  const auto refuse = [&](const Words& words, const std::string& part) {
    const Ran ran = galproc(words);
    EXPECT_EQ(ran.exit_code, 2) << ran.err;
    EXPECT_EQ(ran.out, "");
    EXPECT_NE(ran.err.find(part), std::string::npos) << ran.err;
  };
  for (const char* port : {"0", "65536", "http", "80x", ""}) refuse({"find", "--port", port}, "--port: '");
  refuse({"find", "--venv", (folder_ / "none").string()}, "none is not a folder");
  make_venv(".venv");
  refuse({"find", "--venv", folder_.path().string()}, "/.venv?");
  refuse({"find", "--venv", "/"}, "--venv: / is no virtual environment");
  std::ofstream(folder_ / "file") << "text";
  refuse({"find", "--venv", (folder_ / "file").string()}, "file is not a folder");
  refuse({"find", "--max-age", "soon"}, "--max-age");
}

TEST_F(ProgramLook, FindWithoutADatabaseMakesNone) {
  const std::string before = listing(folder_.path());
  EXPECT_FALSE(found(::getpid(), {}).is_null());
  const Ran ran = galproc({"find", "--max-age", "1h", "--json"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_NE(ran.err.find("the system is read"), std::string::npos) << ran.err;
  EXPECT_GT(Json::parse(ran.out).size(), 0U);
  EXPECT_EQ(listing(folder_.path()), before);
}

TEST_F(ProgramLook, FindAnswersFromTheRecordingOnlyWhereThatIsFresh) {
  const fs::path venv = make_venv("a venv");
  Puppet puppet;
  const int port = puppet.listen();
  Program python = start({(venv / "bin/python3").string(), "600"});
  ASSERT_FALSE(found_soon(python.pid(), {"--venv", venv.string()}).is_null());
  snapshot();
  const Json live = found(puppet.pid(), {"--port", std::to_string(port)});
  EXPECT_EQ(live["upid"],
            std::atoll(ask(fmt::format("SELECT upid FROM processes WHERE pid = {}", puppet.pid())).c_str()));
  EXPECT_EQ(without_start(found(puppet.pid(), {"--port", std::to_string(port), "--max-age", "1h"})),
            without_start(live));
  EXPECT_EQ(without_start(found(python.pid(), {"--venv", venv.string(), "--max-age", "1h"})),
            without_start(found(python.pid(), {"--venv", venv.string()})));

  puppet.close_port();  // the recording does not know
  const Words words = {"find", "--db", db().string(), "--port", std::to_string(port), "--json", "--max-age"};
  const auto ask_with = [&](const std::string& age) {
    Words all = words;
    all.push_back(age);
    return galproc(all);
  };
  const Ran recorded = ask_with("1h");
  EXPECT_EQ(Json::parse(recorded.out).size(), 1U) << recorded.out;
  EXPECT_NE(recorded.err.find("From the recording, "), std::string::npos) << recorded.err;
  EXPECT_NE(recorded.err.find(" s old."), std::string::npos) << recorded.err;
  const Ran living = ask_with("1us");
  EXPECT_EQ(living.out, "[]\n");
  EXPECT_NE(living.err.find("the system is read"), std::string::npos) << living.err;
  // What says that it was another boot is no recording of this one.
  SQLite::Database(db().string(), SQLite::OPEN_READWRITE).exec("UPDATE boot SET boot_uuid = 'other'");
  EXPECT_EQ(ask_with("1h").out, "[]\n");
}

TEST_F(ProgramLook, ResolveFindsTheServiceBehindShells) {
  // Three deep: a shell, its shell, what that one starts.
  Program shell = start({"/bin/sh", "-c", "sh -c 'sleep 600 & echo $!; wait' & wait"});
  pid_t sleeper = 0;
  ASSERT_TRUE(wait_until([&] { return (sleeper = std::atoi(shell.out().c_str())) > 0; }));
  const std::string pid = std::to_string(shell.pid());
  ASSERT_FALSE(found_soon(sleeper, {"--name", "sleep"}).is_null());
  const auto resolve = [&](const Words& words) {
    Words all = {"resolve", pid};
    all.insert(all.end(), words.begin(), words.end());
    return rows_of_verb(all).dump();
  };
  EXPECT_EQ(resolve({"--name", "Sleep"}),
            fmt::format(R"([{{"pid":{},"name":"sleep","depth":2,"via":"descendant"}}])", sleeper));
  const Json self = Json::parse(resolve({"--name", found(shell.pid(), {})["name"]}));
  EXPECT_EQ(self[0]["pid"], shell.pid());
  EXPECT_EQ(self[0]["depth"], 0);
  EXPECT_EQ(self[0]["via"], "self");

  Puppet outside;
  const std::string port = std::to_string(outside.listen());
  const Json held = Json::parse(resolve({"--name", "web", "--port", port}));
  EXPECT_EQ(held[0]["pid"], outside.pid());
  EXPECT_EQ(held[0]["depth"], nullptr);
  EXPECT_EQ(held[0]["via"], "port");
  const Json below = rows_of_verb({"resolve", std::to_string(::getpid()), "--name", "web", "--port", port});
  EXPECT_EQ(below[0]["pid"], outside.pid());
  EXPECT_EQ(below[0]["depth"], 1);
  outside.close_port();

  for (const Words& words :
       {Words{"resolve", pid, "--name", "web"}, Words{"resolve", pid, "--name", "web", "--port", port},
        Words{"resolve", "999999999", "--name", "sleep"}}) {
    const Ran ran = galproc(words);
    EXPECT_EQ(ran.exit_code, 3) << ran.err;
    EXPECT_EQ(ran.out, "");
  }
  EXPECT_EQ(galproc({"resolve", pid}).exit_code, 2);
  EXPECT_EQ(galproc({"resolve", "--name", "sleep"}).exit_code, 2);
  EXPECT_EQ(galproc({"resolve", "0", "--name", "sleep"}).exit_code, 2);
  ::kill(sleeper, SIGKILL);
  EXPECT_EQ(shell.wait(), 0) << shell.err();
}

}  // namespace
}  // namespace galproc
