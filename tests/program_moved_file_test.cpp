// A file, or its folder, that somebody takes away from under a recorder.

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "support/nobody.h"
#include "support/puppet.h"
#include "support/small_disk.h"

namespace galproc {
namespace {

class ProgramMovedFile : public NobodyTest {
 protected:
  ProgramMovedFile() { fs::create_directory(own_); }
  fs::path file() const { return own_ / "galproc.db"; }
  std::string ask(const std::string& sql) const { return galproc::ask(file(), sql); }
  std::int64_t ticks() const {
    try {
      return std::atoll(galproc::ask(file(), "SELECT count(*) FROM tick").c_str());
    } catch (const SQLite::Exception&) {
      return 0;  // it is being made
    }
  }
  Program record_there(const std::function<void()>& before_exec = {}) const {
    const std::string program = is_root() ? program_.string() : galproc_binary();
    return start({program, "record", "--db", file().string(), "--interval", "50ms"}, {{}, before_exec});
  }
  static bool has_said(const Program& recorder, const char* words) {
    return wait_until([&] { return recorder.err().find(words) != std::string::npos; });
  }
  void check_sound(const fs::path& database) const {
    const Ran check = galproc({"db", "check", "--db", database.string()});
    EXPECT_EQ(check.exit_code, 0) << check.out << check.err;
  }
  Ran kill_there(pid_t pid) const { return galproc({"kill", std::to_string(pid), "--db", file().string()}); }

  fs::path own_ = folder_ / "own";
};

TEST_F(ProgramMovedFile, OrDeletedIsAGapInANewOneThatIsRecordedToAndActedIn) {
  for (const bool deleted : {false, true}) {
    SCOPED_TRACE(deleted ? "deleted" : "renamed");
    fs::remove_all(own_);
    fs::create_directory(own_);
    Program recorder = record_there();
    ASSERT_TRUE(wait_until([&] { return ticks() > 2; })) << recorder.err();
    const fs::path moved = own_ / "moved.db";
    for (const char* end : {"-wal", "-shm", ""}) {
      if (deleted) fs::remove(file().string() + end);
      if (!deleted) fs::rename(file().string() + end, moved.string() + end);
    }
    ASSERT_TRUE(has_said(recorder, "was renamed, replaced or deleted")) << recorder.err();
    ASSERT_TRUE(wait_until([&] { return ticks() > 2; })) << recorder.err();
    Puppet victim;
    const Ran kill = kill_there(victim.pid());
    EXPECT_EQ(kill.exit_code, 0) << kill.err;
    EXPECT_EQ(recorder.stop(), 0) << recorder.err();
    // A look may fall between two of them: then there is a row for each.
    EXPECT_EQ(ask("SELECT DISTINCT kind, to_us >= from_us FROM gaps WHERE kind NOT IN ('late', 'stopped')"),
              "file_moved|1\n");
    EXPECT_EQ(ask("SELECT outcome FROM termination_attempts WHERE source = 'galproc'"), "exited\n");
    check_sound(file());
    if (!deleted) {
      EXPECT_EQ(galproc::ask(moved, "SELECT reason FROM recording_end"), "file_moved\n");
      check_sound(moved);
    }
  }
}

// What one writes to a -wal, or by a -shm, that has no name any more nobody else finds, or it overwrites what others
// write.
TEST_F(ProgramMovedFile, WhoseWalOrShmIsRemovedIsOpenedAnewAndLosesNoKill) {
  for (const Words& removed : {Words{"-shm"}, Words{"-wal"}, Words{"-wal", "-shm"}}) {
    SCOPED_TRACE(removed.front() + (removed.size() > 1 ? " and the other" : ""));
    fs::remove_all(own_);
    fs::create_directory(own_);
    Program recorder = record_there();
    ASSERT_TRUE(wait_until([&] { return ticks() > 2; })) << recorder.err();
    const std::int64_t before = ticks();
    for (const std::string& end : removed) fs::remove(file().string() + end);
    constexpr int kKills = 3;
    for (int i = 0; i < kKills; ++i) {
      Puppet victim;
      const Ran kill = kill_there(victim.pid());
      EXPECT_EQ(kill.exit_code, 0) << kill.err;
    }
    ASSERT_TRUE(has_said(recorder, "is opened anew")) << recorder.err();
    ASSERT_TRUE(wait_until([&] { return ticks() > before + 2; })) << recorder.err();
    EXPECT_EQ(recorder.stop(), 0) << recorder.err();
    EXPECT_EQ(ask("SELECT count(*) FROM actions WHERE exit_code = 0"), std::to_string(kKills) + "\n");
    EXPECT_EQ(ask("SELECT min(tick_id), max(tick_id) = count(*) FROM tick"), "1|1\n") << "the lost -wal's are saved";
    EXPECT_EQ(ask("SELECT DISTINCT kind FROM gaps WHERE kind NOT IN ('late', 'stopped')"), "file_moved\n");
    check_sound(file());
  }
}

// A kill that was told is in the file, also where a reader holds back that the lost -wal is saved.
TEST_F(ProgramMovedFile, WhoseWalIsRemovedBesideAReaderLosesNoKill) {
  Program recorder = record_there();
  ASSERT_TRUE(wait_until([&] { return ticks() > 2; })) << recorder.err();
  {
    SQLite::Database reader(file().string(), SQLite::OPEN_READONLY);
    SQLite::Transaction held(reader);
    EXPECT_GT(reader.execAndGet("SELECT count(*) FROM tick").getInt(), 0);
    Puppet victim;
    ASSERT_EQ(kill_there(victim.pid()).exit_code, 0);
    for (const char* end : {"-wal", "-shm"}) fs::remove(file().string() + end);
    ::usleep(500'000);
    EXPECT_EQ(recorder.err().find("is opened anew"), std::string::npos) << "not before the reader is done";
  }
  ASSERT_TRUE(has_said(recorder, "is opened anew")) << recorder.err();
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
  EXPECT_EQ(ask("SELECT outcome FROM termination_attempts WHERE source = 'galproc'"), "exited\n");
  check_sound(file());
}

TEST_F(ProgramMovedFile, WhoseWalOrShmIsRemovedWhileAKillWaitsHasAllOfIt) {
  for (const Words& removed : {Words{"-shm"}, Words{"-wal", "-shm"}}) {
    SCOPED_TRACE(removed.front());
    fs::remove_all(own_);
    fs::create_directory(own_);
    Program recorder = record_there();
    ASSERT_TRUE(wait_until([&] { return ticks() > 2; })) << recorder.err();
    Program deaf = start({"/bin/sh", "-c", "trap '' TERM; echo ready; while :; do read line; done </dev/zero"});
    ASSERT_TRUE(wait_until([&] { return deaf.out() == "ready\n"; }));
    Program kill =
        start({galproc_binary(), "kill", std::to_string(deaf.pid()), "--db", file().string(), "--grace", "2s"});
    ASSERT_TRUE(wait_until([&] { return ask("SELECT count(*) FROM attempt") == "1\n"; })) << kill.err();
    for (const std::string& end : removed) fs::remove(file().string() + end);
    EXPECT_EQ(kill.wait(), 0) << kill.err();
    EXPECT_EQ(recorder.stop(), 0) << recorder.err();
    EXPECT_EQ(ask("SELECT method, outcome FROM termination_attempts WHERE source = 'galproc' ORDER BY attempt_id"),
              "polite|survived\nforced|exited\n");
    EXPECT_EQ(ask("SELECT verb, exit_code FROM actions"), "kill|0\n");
    check_sound(file());
  }
}

// A recorder that stands still cannot open its file anew, and would overwrite what others write to it.
TEST_F(ProgramMovedFile, WhoseWalIsRemovedUnderAStoppedRecorderIsNotWrittenToByAnyName) {
  Program recorder = record_there();
  ASSERT_TRUE(wait_until([&] { return ticks() > 2; })) << recorder.err();
  Puppet first;
  ASSERT_EQ(kill_there(first.pid()).exit_code, 0);
  ::kill(recorder.pid(), SIGSTOP);
  for (const char* end : {"-wal", "-shm"}) fs::remove(file().string() + end);
  const fs::path link = folder_ / "link.db";
  fs::create_symlink(file(), link);
  Puppet spared;
  const Ran kill = galproc({"kill", std::to_string(spared.pid()), "--db", link.string()});
  EXPECT_EQ(kill.exit_code, 5) << kill.err;
  EXPECT_NE(kill.err.find("was removed under its recorder"), std::string::npos) << kill.err;
  EXPECT_EQ(::kill(spared.pid(), 0), 0);
  const Ran prune = galproc({"db", "prune", "--older", "1s", "--db", link.string()});
  EXPECT_EQ(prune.exit_code, 1) << prune.err;
  EXPECT_NE(prune.err.find("removed under its recorder"), std::string::npos) << prune.err;
  ::kill(recorder.pid(), SIGCONT);
  ASSERT_TRUE(has_said(recorder, "is opened anew")) << recorder.err();
  EXPECT_EQ(kill_there(spared.pid()).exit_code, 0);
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
  EXPECT_EQ(ask("SELECT count(*) FROM actions WHERE exit_code = 0"), "2\n");
  check_sound(file());
}

TEST_F(ProgramMovedFile, WithItsFolderIsWaitedForUntilItIsBack) {
  Program recorder = record_there();
  ASSERT_TRUE(wait_until([&] { return ticks() > 2; })) << recorder.err();
  const fs::path away = folder_ / "away";
  fs::rename(own_, away);
  ASSERT_TRUE(has_said(recorder, "Readings wait in memory")) << recorder.err();
  EXPECT_FALSE(fs::exists(own_));
  fs::rename(away, own_);
  const std::int64_t then = ticks();
  EXPECT_GT(then, 2);
  ASSERT_TRUE(wait_until([&] { return ticks() > then + 2; })) << recorder.err();
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
  check_sound(file());
}

TEST_F(ProgramMovedFile, AndSwappedForAnotherGoesOnInThatOneIfItIsGalprocsOwn) {
  const fs::path other = own_ / "other.db";
  for (int round = 0; round < 2; ++round) {
    const Ran ran = galproc({"record", "--samples", "2", "--interval", "20ms", "--db", other.string()});
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
  }
  Program recorder = record_there();
  ASSERT_TRUE(wait_until([&] { return ticks() > 2; })) << recorder.err();
  for (const char* end : {"-wal", "-shm", ""}) fs::rename(file().string() + end, (own_ / "moved.db").string() + end);
  for (const char* end : {"-wal", "-shm", ""}) fs::rename(other.string() + end, file().string() + end);
  ASSERT_TRUE(wait_until([&] { return ticks() > 6; })) << recorder.err();
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
  EXPECT_EQ(ask("SELECT recording_id, end_reason FROM recordings"), "1|stopped\n2|stopped\n3|stopped\n");
  EXPECT_EQ(ask("SELECT count(*) FROM gaps WHERE kind = 'file_moved'"), "1\n");
  check_sound(file());
  check_sound(own_ / "moved.db");
}

TEST_F(ProgramMovedFile, AndSwappedForOneThatIsNotGalprocsIsLeftAloneUntilThatIsGone) {
  Program recorder = record_there();
  ASSERT_TRUE(wait_until([&] { return ticks() > 2; })) << recorder.err();
  const std::string note(200, 'n');
  for (const char* end : {"-wal", "-shm"}) fs::rename(file().string() + end, (own_ / "moved.db").string() + end);
  std::ofstream(own_ / "note") << note;
  fs::rename(file(), own_ / "moved.db");
  fs::rename(own_ / "note", file());
  ASSERT_TRUE(has_said(recorder, "is not a galproc database")) << recorder.err();
  Puppet spared;
  const Ran kill = kill_there(spared.pid());
  EXPECT_EQ(kill.exit_code, 5) << kill.err;
  EXPECT_NE(kill.err.find("it was not made by galproc, and was left untouched"), std::string::npos) << kill.err;
  EXPECT_EQ(::kill(spared.pid(), 0), 0);
  EXPECT_EQ(fs::file_size(file()), note.size());
  fs::remove(file());
  ASSERT_TRUE(wait_until([&] { return ticks() > 2; })) << recorder.err();
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
  EXPECT_EQ(ask("SELECT count(*) FROM gaps WHERE kind = 'file_moved'"), "1\n");
  check_sound(file());
}

// Root may write wherever the file system can be written to, so this is somebody else.
TEST_F(ProgramMovedFile, AFolderThatMayNotBeWrittenAnyMoreHindersNobodyWhoHasItOpen) {
  std::function<void()> as_him;
  if (is_root()) {
    ASSERT_EQ(::chown(own_.c_str(), kNobody, kNobody), 0);
    as_him = [] { become(kNobody, kNobody); };
  }
  Program recorder = record_there(as_him);
  ASSERT_TRUE(wait_until([&] { return ticks() > 2; })) << recorder.err();
  const std::int64_t before = ticks();
  ::chmod(own_.c_str(), 0555);
  ASSERT_TRUE(wait_until([&] { return ticks() > before + 5; })) << recorder.err();
  const auto his = [&](Words words) {
    words.insert(words.end(), {"--db", file().string()});
    return as_nobody(words);
  };
  const Ran tree = his({"query", "tree"});
  EXPECT_EQ(tree.exit_code, 0) << tree.err;
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
  // Nothing can be made there now: who needs a file that is missing says so.
  for (const char* end : {"-wal", "-shm", ".recorder-lock"}) {
    ::chmod(own_.c_str(), 0755);
    fs::remove(file().string() + end);
    ::chmod(own_.c_str(), 0555);
  }
  const Ran again = his({"record", "--samples", "1"});
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_NE(again.err.find(own_.string()), std::string::npos) << again.err;
  Puppet spared;
  ASSERT_EQ(is_root() ? spared.become(kNobody) : 0, 0);
  const Ran kill = his({"kill", std::to_string(spared.pid())});
  EXPECT_EQ(kill.exit_code, 5) << kill.err;
  EXPECT_NE(kill.err.find(file().string()), std::string::npos) << kill.err;
  EXPECT_EQ(::kill(spared.pid(), 0), 0);
  ::chmod(own_.c_str(), 0755);
  const Ran check = his({"db", "check"});
  EXPECT_EQ(check.exit_code, 0) << check.out << check.err;
}

// Root, for whom a mode is no hindrance, meets a mount that is.
TEST_F(ProgramMovedFile, AMountThatTurnsReadOnlyHindersNobodyWhoHasItOpen) {
  if (!is_root()) GTEST_SKIP() << "mounting a small disk needs root";
  const SmallDisk disk(folder_ / "disk");
  if (disk.error() != 0) GTEST_SKIP() << "no private mount: " << std::strerror(-disk.error());
  const std::string inside = (folder_ / "disk/galproc.db").string();
  const Options enter{{}, [&] { disk.enter(); }};
  Program recorder = start({galproc_binary(), "record", "--db", inside, "--interval", "50ms"}, enter);
  const auto ask_inside = [&](const std::string& sql) {
    return run({"/usr/bin/sqlite3", "-readonly", "-cmd", ".timeout 10000", inside, sql}, enter).out;
  };
  const auto seen = [&] { return std::atoll(ask_inside("SELECT count(*) FROM tick").c_str()); };
  ASSERT_TRUE(wait_until([&] { return seen() > 2; })) << recorder.err();
  // With files open for writing it cannot be turned read-only itself, but a mount over it can be.
  const auto cover = [&](bool on) {
    const Ran ran = on ? run({"/bin/sh", "-c",
                              fmt::format("/bin/mount --bind '{0}' '{0}' && /bin/mount -o remount,ro,bind '{0}'",
                                          (folder_ / "disk").string())},
                             enter)
                       : run({"/bin/umount", (folder_ / "disk").string()}, enter);
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
  };
  ASSERT_NO_FATAL_FAILURE(cover(true));
  const std::int64_t then = seen();
  Puppet spared;
  const Ran kill = run({galproc_binary(), "kill", std::to_string(spared.pid()), "--db", inside}, enter);
  EXPECT_EQ(kill.exit_code, 5) << kill.err;
  EXPECT_NE(kill.err.find(inside), std::string::npos) << kill.err;
  EXPECT_EQ(::kill(spared.pid(), 0), 0);
  ASSERT_TRUE(wait_until([&] { return seen() > then + 3; })) << "who has it open writes on: " << recorder.err();
  ASSERT_NO_FATAL_FAILURE(cover(false));
  EXPECT_EQ(recorder.stop(), 0) << recorder.err();
  EXPECT_EQ(ask_inside("PRAGMA integrity_check"), "ok\n");
  EXPECT_EQ(ask_inside("SELECT count(*) FROM gaps WHERE kind NOT IN ('late', 'stopped')"), "0\n");
}

}  // namespace
}  // namespace galproc
