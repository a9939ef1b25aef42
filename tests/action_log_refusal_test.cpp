// Every way in which an action cannot be logged: a sentence that says why, and a file that is as it was.

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>

#include "support/action_fixture.h"

namespace galproc {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kNobody = 65534;

class ActionLogRefusal : public ActionLogTest {
 protected:
  /// The refusal names the file and why, and nothing in the folder is other than before.
  void expect_refused(const std::string& why) const {
    const std::string before = contents_of(folder_.path());
    const std::string said = refusal_of([&] { open(100); });
    EXPECT_NE(said.find("It could not be logged in " + path().string() + ", so nothing was done to any process: "),
              std::string::npos)
        << said;
    EXPECT_NE(said.find(why), std::string::npos) << said;
    EXPECT_TRUE(contents_of(folder_.path()) == before) << "something was changed";
  }
  /// As a user whose rights count; root has all.
  std::string refusal_as_nobody(const fs::path& file) const {
    return in_child([&]() -> std::string {
      if (::geteuid() == 0 && (::setgroups(0, nullptr) != 0 || ::setgid(kNobody) != 0 || ::setuid(kNobody) != 0)) {
        return "cannot become another";
      }
      return refusal_of([&] { log_kill(*std::make_unique<ActionLog>(file, redactor_, 100)); });
    });
  }
};

TEST_F(ActionLogRefusal, OfAFileThatIsNotOurs) {
  {
    SQLite::Database other(path().string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    other.exec("CREATE TABLE theirs (a)");
  }
  expect_refused("it was not made by galproc, and was left untouched. Name another with --db.");
  std::ofstream(path()) << std::string(5000, 'x');
  expect_refused("it was not made by galproc");
}

TEST_F(ActionLogRefusal, OfACorruptFileWhichIsNeitherMovedNorRepaired) {
  {
    ActionLog log = open();
    log_kill(log);
    log.database().execAndGet("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  const auto spoil = [&](std::streamoff at, std::size_t length) {
    std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(at);
    file << std::string(length, 'z');
  };
  spoil(100, 3000);  // the schema itself
  expect_refused("it is corrupt. Start `galproc record`, which moves it aside");
  spoil(0, 8);
  expect_refused("it is corrupt.");
}

TEST_F(ActionLogRefusal, OfANewerSchemaAtTheOpeningAndLater) {
  ActionLog log = open();
  SQLite::Database(path().string(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 999");
  const std::string said = refusal_of([&] { log_kill(log); });
  EXPECT_NE(said.find("a newer galproc has migrated it. Use that one."), std::string::npos) << said;
  EXPECT_NE(said.find("nothing was done to any process"), std::string::npos) << said;
  EXPECT_EQ(log.database().execAndGet("SELECT count(*) FROM action").getInt(), 0);
  log.database().execAndGet("PRAGMA wal_checkpoint(TRUNCATE)");
  expect_refused("a newer galproc has migrated it. Use that one.");
}

TEST_F(ActionLogRefusal, OfALockedFileAfterItsPatience) {
  ActionLog log = open();
  log_kill(log);
  SQLite::Database other(path().string(), SQLite::OPEN_READWRITE);
  other.exec("BEGIN IMMEDIATE");
  const std::string said = refusal_of([&] { log.commit([](ActionWriter&) { FAIL() << "it ran"; }, 50); });
  EXPECT_NE(said.find("What came next could not be logged in " + path().string() +
                      ": another program has held it locked for 50 ms."),
            std::string::npos)
      << said;
  other.exec("PRAGMA user_version = 1");  // so that an opening has to write
  other.exec("COMMIT; BEGIN IMMEDIATE");
  const std::string opening = refusal_of([&] { open(50); });
  EXPECT_NE(opening.find("another program has held it locked for 50 ms"), std::string::npos) << opening;
  other.exec("COMMIT");
}

TEST_F(ActionLogRefusal, OfAFullFileUntilThereIsRoomAgain) {
  ActionLog log = open();
  const int pages = log.database().execAndGet("PRAGMA page_count").getInt();
  log.database().execAndGet("PRAGMA max_page_count = " + std::to_string(pages));
  const auto much = [](ActionWriter& writer) {
    ActionEntry action = some_action(log_intent(writer).boot_id);
    action.reason = std::string(60'000, 'x');
    writer.add_action(action);
  };
  const std::string said = refusal_of([&] { log.commit(much); });
  EXPECT_NE(said.find("there is no room left for it. Make some, or name another with --db."), std::string::npos)
      << said;
  EXPECT_EQ(ask("SELECT count(*) FROM action"), "0\n");
  log.database().execAndGet("PRAGMA max_page_count = 1000000");
  log.commit(much);
  EXPECT_TRUE(verify().holds);
}

TEST_F(ActionLogRefusal, OfAFullDiskAtTheOpeningAndLater) {
  const std::string said = in_child([&]() -> std::string {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, "size=2m") != 0) {
      return "skip";
    }
    const std::string reason(60'000, 'x');
    std::string later;
    std::int64_t logged = 0, stored = -1;
    {
      ActionLog log = open();
      while (later.empty() && logged < 1000) {
        later = refusal_of([&] {
          log.commit([&](ActionWriter& writer) {
            ActionEntry action = some_action(log_intent(writer).boot_id);
            action.reason = reason;
            writer.add_action(action);
          });
        });
        logged += later.empty() ? 2 : 0;
      }
      stored = log.database().execAndGet("SELECT count(*) FROM action").getInt64();
    }
    for (const char* ending : {"", "-wal", "-shm"}) fs::remove(path().string() + ending);
    const int filler = ::open((folder_ / "filler").c_str(), O_WRONLY | O_CREAT, 0600);
    while (::write(filler, reason.data(), 4096) > 0) {
    }
    const std::string first = refusal_of([&] { open(); });
    return later + "\n" + std::to_string(logged - stored) + "\n" + first;
  });
  if (said == "skip") GTEST_SKIP() << "a mount of its own needs root";
  std::istringstream lines(said);
  std::string later, lost, first;
  std::getline(lines, later);
  std::getline(lines, lost);
  std::getline(lines, first);
  EXPECT_NE(later.find("there is no room left for it"), std::string::npos) << later;
  EXPECT_EQ(lost, "0");
  EXPECT_NE(first.find("nothing was done to any process: there is no room left for it"), std::string::npos) << first;
}

TEST_F(ActionLogRefusal, AfterAnErrorOfTheDiskOpensItAnew) {
  const std::string said = in_child([&]() -> std::string {
    ActionLog log = open();
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    const rlim_t whole = limit.rlim_cur;
    limit.rlim_cur = fs::file_size(path().string() + "-wal");  // past here each write is an error, and no full disk
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const std::string failed = refusal_of([&] { log_kill(log); });
    limit.rlim_cur = whole;
    ::setrlimit(RLIMIT_FSIZE, &limit);
    log_kill(log);
    return failed;
  });
  EXPECT_NE(said.find("so nothing was done to any process: writing failed: disk I/O error (SQLite 778)."),
            std::string::npos)
      << said;
  EXPECT_EQ(verify().length, 4);
  EXPECT_TRUE(verify().holds);
}

TEST_F(ActionLogRefusal, OfWhatThisUserMayNotWrite) {
  const auto expect_said = [](const std::string& said, const fs::path& file, const std::string& why) {
    EXPECT_NE(said.find("It could not be logged in " + file.string() + ", so nothing was done to any process: " + why),
              std::string::npos)
        << said;
  };
  ASSERT_EQ(::chmod(folder_.path().c_str(), 0755), 0);
  expect_said(refusal_as_nobody(folder_ / "absent/galproc.db"), folder_ / "absent/galproc.db", "its folder is missing");

  const fs::path own = folder_ / "own";
  fs::create_directory(own);
  ASSERT_EQ(::chmod(own.c_str(), 0777), 0);
  const fs::path read_only = own / "read_only.db";
  { ActionLog(read_only, redactor_); }
  for (const char* ending : {"", "-wal", "-shm"}) ::chmod((read_only.string() + ending).c_str(), 0444);
  const std::string before = contents_of(own);
  expect_said(refusal_as_nobody(read_only), read_only, "this user may not write it");
  EXPECT_TRUE(contents_of(own) == before);

  const fs::path closed = folder_ / "closed";
  fs::create_directory(closed);
  const fs::path without_shm = closed / "galproc.db";
  {
    ActionLog log(without_shm, redactor_);
    log.database().execAndGet("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  ::chmod(without_shm.c_str(), 0666);
  fs::remove(without_shm.string() + "-shm");
  fs::remove(without_shm.string() + "-wal");
  ASSERT_EQ(::chmod(closed.c_str(), 0555), 0);
  expect_said(refusal_as_nobody(closed / "new.db"), closed / "new.db", "this user may not make it there");
  const std::string shm = refusal_as_nobody(without_shm);
  EXPECT_NE(shm.find("nothing was done to any process: its -shm file is missing"), std::string::npos) << shm;
  EXPECT_EQ(std::distance(fs::directory_iterator(closed), fs::directory_iterator()), 1);
  ::chmod(closed.c_str(), 0755);  // or it could not be removed
}

}  // namespace
}  // namespace galproc
