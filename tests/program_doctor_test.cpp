// `galproc doctor` as a user and a monitor meet it.

#include <fstream>
#include <map>

#include "support/program.h"

namespace galproc {
namespace {

class ProgramDoctor : public ProgramTest {
 protected:
  struct Told {
    Ran ran;
    std::map<std::string, Json> by_check;
    std::string state(const std::string& check) const { return by_check.at(check).at("state"); }
    std::string detail(const std::string& check) const { return by_check.at(check).at("detail"); }
  };
  Told doctor(const Options& options = {}) const {
    Told told;
    told.ran = galproc({"doctor", "--db", db().string(), "--json", "-q"}, options);
    for (const Json& row : Json::parse(told.ran.out, nullptr, false)) {
      for (const char* key : {"check", "state", "detail", "advice"}) EXPECT_TRUE(row.contains(key)) << row;
      told.by_check[row.at("check")] = row;
    }
    return told;
  }
};

TEST_F(ProgramDoctor, NamesWhatItLooksAtAndThatNothingIsRecordedYet) {
  const Told told = doctor();
  EXPECT_EQ(told.ran.exit_code, 1) << told.ran.out;
  for (const char* check : {"kernel", "capabilities", "btf", "tracefs", "events", "processes", "sockets",
                            "pid_namespace", "sqlite", "disk"}) {
    EXPECT_TRUE(told.by_check.contains(check)) << check;
  }
  EXPECT_EQ(told.state("database"), "warning");
  EXPECT_NE(told.detail("database").find("it is not there"), std::string::npos);
  EXPECT_FALSE(fs::exists(db())) << "it only looks";
}

TEST_F(ProgramDoctor, BesideARecorderNamesItsPidItsLastTickAndItsSources) {
  Program recorder = record();
  const Told told = doctor();
  EXPECT_EQ(told.state("recorder"), "ok") << told.ran.out;
  EXPECT_EQ(told.detail("recorder").rfind(fmt::format("pid {}; last tick ", recorder.pid()), 0), 0U) << told.ran.out;
  const auto source = [&](const std::string& of) {
    std::string name = ask("SELECT " + of + "_source FROM recordings");
    name.pop_back();  // the end of the line
    return name;
  };
  EXPECT_EQ(told.detail("recorded_processes").rfind(source("process"), 0), 0U) << told.ran.out;
  EXPECT_EQ(told.detail("recorded_sockets").rfind(source("socket"), 0), 0U) << told.ran.out;
  EXPECT_EQ(told.detail("recorded_events").rfind(source("event"), 0), 0U) << told.ran.out;
  EXPECT_EQ(told.state("database"), "ok");
  EXPECT_EQ(told.state("clock"), "ok");
  EXPECT_LE(told.ran.exit_code, 1);
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
  EXPECT_EQ(doctor().state("recorder"), "warning");
}

TEST_F(ProgramDoctor, OfARecorderThatIsStoppedSaysThatNothingIsStored) {
  Program recorder = record({"--interval", "10ms"});
  ASSERT_EQ(::kill(recorder.pid(), SIGSTOP), 0);
  const bool noticed = wait_until([&] { return doctor().state("recorder") == "broken"; });
  ::kill(recorder.pid(), SIGCONT);
  EXPECT_TRUE(noticed);
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
}

TEST_F(ProgramDoctor, OfSourcesThatWereAskedForByNameFindsNothingAmiss) {
  const Words words = {"record", "--db", db().string(), "--process-source", "proc", "--event-source", "none"};
  Words all = words;
  all.insert(all.end(), {"--samples", "1"});
  ASSERT_EQ(galproc(all).exit_code, 0);
  const Told told = doctor();
  EXPECT_EQ(told.state("recorded_processes") + " " + told.detail("recorded_processes"), "ok proc");
  EXPECT_EQ(told.state("recorded_sockets") + " " + told.detail("recorded_sockets"), "ok sock_diag");
  EXPECT_EQ(told.state("recorded_events") + " " + told.detail("recorded_events"), "ok none");
}

TEST_F(ProgramDoctor, OfAJournalThatAReaderPinsSaysWhatToDo) {
  ASSERT_EQ(galproc({"record", "--db", db().string(), "--samples", "1"}).exit_code, 0);
  EXPECT_EQ(doctor().state("wal"), "ok");
  fs::resize_file(db().string() + "-wal", 257LL << 20);  // nothing but a hole
  const Told told = doctor();
  EXPECT_EQ(told.state("wal"), "warning") << told.ran.out;
  EXPECT_EQ(told.detail("wal").rfind("269484032 bytes: ", 0), 0U) << told.ran.out;
  EXPECT_NE(told.by_check.at("wal").at("advice").dump().find("lsof " + db().string()), std::string::npos);
}

TEST_F(ProgramDoctor, OfAFileThatIsNotGalprocsIsBroken) {
  std::ofstream(db()) << "this is no database, but it is long enough to be taken for one by its size alone";
  const Told told = doctor();
  EXPECT_EQ(told.ran.exit_code, 2);
  EXPECT_EQ(told.state("database"), "broken");
  EXPECT_EQ(fs::file_size(db()), 80U);
}

TEST_F(ProgramDoctor, WithoutPrivilegesSaysWhatIsMissingAndWhatThatCosts) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become somebody without privileges";
  ::chmod(folder_.path().c_str(), 0755);
  const fs::path program = folder_ / "galproc";
  fs::copy_file(galproc_binary(), program);
  ::chmod(program.c_str(), 0755);
  Options options;
  options.before_exec = [] {
    constexpr uid_t kNobody = 65534;
    ::setgroups(0, nullptr);
    ::setgid(kNobody);
    ::setuid(kNobody);
  };
  const Ran ran = run({program.string(), "doctor", "--db", db().string(), "-q"}, options);
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  EXPECT_NE(ran.out.find("missing: CAP_BPF (events and signals)"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("bpf: "), std::string::npos) << ran.out;
}

}  // namespace
}  // namespace galproc
