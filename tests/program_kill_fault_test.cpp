// Kills that something comes in between of: galproc itself is ended, members hold what it needs, others own the target.

#include <grp.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "action/kill.h"
#include "support/fake_platform.h"
#include "support/family.h"
#include "support/puppet.h"

namespace galproc {
namespace {

constexpr uid_t kNobody = 65534;

/// The real machine, on which something happens to galproc at the N-th time that it sends a signal, just before that or
/// just after: it dies, as if by SIGKILL, unless told otherwise.
class DyingPlatform : public FailingPlatform {
 public:
  DyingPlatform(Platform& world, int at, bool before, std::function<void()> happens)
      : FailingPlatform(world, -1), at_(at), before_(before), happens_(std::move(happens)) {}
  void happens() const { happens_(); }
  OpenedProcess open_process(const ProcessKey& key) override {
    OpenedProcess opened = FailingPlatform::open_process(key);
    if (opened.handle) opened.handle = std::make_unique<Handle>(*this, std::move(opened.handle));
    return opened;
  }
  Wake wait_for_ends(const std::vector<ProcessHandle*>& handles, std::int64_t boot_us) override {
    std::vector<ProcessHandle*> real;
    for (ProcessHandle* handle : handles) real.push_back(static_cast<Handle*>(handle)->real());
    return FailingPlatform::wait_for_ends(real, boot_us);
  }

 private:
  class Handle : public ProcessHandle {
   public:
    Handle(DyingPlatform& platform, std::unique_ptr<ProcessHandle> real)
        : platform_(platform), real_(std::move(real)) {}
    ProcessHandle* real() { return real_.get(); }
    Delivery send(Signal signal) override {
      const bool now = ++platform_.sent_ == platform_.at_;
      if (now && platform_.before_) platform_.happens();
      const Delivery delivery = real_->send(signal);
      if (now && !platform_.before_) platform_.happens();
      return delivery;
    }
    bool has_ended() override { return real_->has_ended(); }
    std::optional<std::int64_t> wait_status() override { return real_->wait_status(); }

   private:
    DyingPlatform& platform_;
    std::unique_ptr<ProcessHandle> real_;
  };
  int at_;
  bool before_;
  std::function<void()> happens_;
  int sent_ = 0;
};

class ProgramKillFault : public ProgramTest {
 protected:
  Ran kill(Words words, const Options& options = {}) const {
    words.insert(words.begin(), {"kill", "--db", db().string()});
    return galproc(words, options);
  }
  Program shell(const std::string& script, const std::string& word) const {
    Options options;
    options.before_exec = [] { ::setpgid(0, 0); };
    return start({"/bin/sh", "-c", script, "sh", word}, options);
  }

  /// A kill of this tree in a process of its own, to which something happens at the N-th signal; gives its wait status.
  int kill_apart(pid_t pid, int at, bool before, Signal signal, const std::function<void()>& happens) const {
    const pid_t child = ::fork();
    if (child == 0) {
      for (const int number : {SIGINT, SIGQUIT, SIGHUP}) ::signal(number, SIG_DFL);
      const auto world = make_platform();
      world->catch_stop_requests();
      DyingPlatform platform(*world, at, before, happens);
      const Redactor redactor;
      KillRequest request;
      request.tree = true;
      request.signal = signal;
      request.selectors.pids = {pid};
      KillLog log(platform, db(), redactor);
      World look{platform.read_processes(), {}};
      Guard guard({}, {platform.caller(), {}, {}});
      guard.look_at(look.processes);
      Plan plan = make_plan(look, request, guard, {});
      Kill kill(platform, log, request, guard, std::move(plan), std::move(look.processes), platform.caller());
      ::_exit(kill.run().exit_code);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return status;
  }
  /// The same, and it dies then.
  void kill_and_die(pid_t pid, int at, bool before, Signal signal) const {
    const int status = kill_apart(pid, at, before, signal, [] { ::_exit(9); });
    ASSERT_EQ(WEXITSTATUS(status), 9) << "it did not die where it was to";
  }
  void expect_chain() const {
    const Ran ran = galproc({"db", "verify", "--db", db().string(), "-q"});
    EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  }
};

TEST_F(ProgramKillFault, DiedBetweenIntentAndSignalShowsAsUnfinished) {
  Program sleeper = start({"/bin/sleep", "60"});
  ASSERT_NO_FATAL_FAILURE(kill_and_die(sleeper.pid(), 1, true, Signal::Terminate));
  EXPECT_FALSE(sleeper.has_ended());
  const Json rows = query({"unfinished"});
  ASSERT_EQ(rows.size(), 1U) << rows.dump(1);
  EXPECT_EQ(rows[0]["target_pid"], sleeper.pid());
  expect_chain();
}

TEST_F(ProgramKillFault, DiedBetweenSignalAndOutcomeShowsAsUnfinished) {
  Program sleeper = start({"/bin/sleep", "60"});
  ASSERT_NO_FATAL_FAILURE(kill_and_die(sleeper.pid(), 1, false, Signal::Terminate));
  EXPECT_EQ(sleeper.wait(), 128 + SIGTERM);
  EXPECT_EQ(query({"unfinished"}).size(), 1U);
  expect_chain();
}

TEST_F(ProgramKillFault, WhatItLeftStoppedIsNamedByTheNextCommand) {
  const Family family;
  Program top = shell("sleep $1 & sleep $1; :", family.word());
  ASSERT_TRUE(family.grows_to(3));
  ASSERT_NO_FATAL_FAILURE(kill_and_die(top.pid(), 3, false, Signal::Kill));  // all three are stopped by then
  EXPECT_EQ(family.members().size(), 3U);
  for (const pid_t pid : family.members()) {  // a stop that was sent takes effect when its target runs next
    EXPECT_TRUE(wait_until([&] { return state_of(pid) == 'T'; })) << pid;
  }
  const std::vector<Words> verbs = {{"query", "gaps"},
                                    {"find", "--name", "sh"},
                                    {"services"},
                                    {"inspect", std::to_string(top.pid())},
                                    {"db", "verify"},
                                    {"start", "--", "/bin/true"},
                                    {"kill", "--name", family.word()},
                                    {"kill", "--dry-run", "--name", family.word()}};
  for (Words words : verbs) {
    words.insert(words.end() - (words.front() == "start" ? 2 : 0), {"--db", db().string()});
    const Ran asked = galproc(words);
    EXPECT_NE(asked.err.find("3 processes are still stopped, since action 1 was"), std::string::npos)
        << words.front() << ": " << asked.err;
    for (const pid_t pid : family.members()) {
      EXPECT_NE(asked.err.find(fmt::format("{} (", pid)), std::string::npos) << words.front() << ": " << asked.err;
    }
  }
  const Ran ran = kill({std::to_string(top.pid()), "--tree", "--signal", "KILL"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NE(ran.err.find("still stopped"), std::string::npos) << ran.err;
  EXPECT_EQ(galproc({"query", "gaps", "--db", db().string()}).err.find("still stopped"), std::string::npos);
  expect_chain();
}

TEST_F(ProgramKillFault, InterruptedItLeavesNobodyStoppedAndSaysSo) {
  const Family family;
  Program top = shell("trap '' TERM; sleep $1 & sh -c 'trap \"\" TERM; sleep $1; sleep $1' sh $1; :", family.word());
  ASSERT_TRUE(family.grows_to(4));
  Program killing = start({galproc_binary(), "kill", "--db", db().string(), std::to_string(top.pid()), "--tree",
                           "--no-force", "--grace", "50s"});
  ASSERT_TRUE(wait_until([&] {
    try {
      return fs::exists(db()) && ask("SELECT count(*) FROM termination_attempts") == "4\n";
    } catch (const SQLite::Exception&) {
      return false;  // the file is being made
    }
  }));
  EXPECT_EQ(killing.stop(SIGINT), 130) << killing.err();
  for (const pid_t pid : family.members()) EXPECT_NE(state_of(pid), 'T');
  EXPECT_EQ(ask("SELECT outcome, exit_code FROM actions"), "interrupted|130\n");
  EXPECT_EQ(query({"unfinished"}).size(), 0U);
}

TEST_F(ProgramKillFault, QuitHalfWayItLeavesNobodyStopped) {
  const Family family;
  Program top = shell("sleep $1 & sleep $1; :", family.word());
  ASSERT_TRUE(family.grows_to(3));
  const int status = kill_apart(top.pid(), 2, false, Signal::Kill, [] { ::raise(SIGQUIT); });
  ASSERT_TRUE(WIFEXITED(status)) << "ended by signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 128 + SIGQUIT);
  EXPECT_EQ(family.members().size(), 3U);
  for (const pid_t pid : family.members()) EXPECT_NE(state_of(pid), 'T') << pid;
  EXPECT_EQ(ask("SELECT outcome, exit_code FROM actions"), "interrupted|131\n");
}

TEST_F(ProgramKillFault, IsNotDisturbedWhileItHasMembersStopped) {
  const Family family;
  Program top = shell("sleep $1 & sleep $1; :", family.word());
  ASSERT_TRUE(family.grows_to(3));
  const int status = kill_apart(top.pid(), 2, false, Signal::Kill, [] {
    for (const int number : {SIGUSR1, SIGTSTP, SIGTTOU, SIGTTIN, SIGXFSZ, SIGXCPU, SIGALRM, SIGRTMIN}) ::raise(number);
  });
  // What was held back takes effect afterwards.
  EXPECT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
  EXPECT_TRUE(wait_until([&] { return family.members().empty(); }));
}

TEST_F(ProgramKillFault, OfWhoForksTwiceUnseenNamesWhoIsLeft) {
  const Family family;
  // Three chains of processes of which each begins the next, forked twice and in a session of its own, and ends soon
  // after: nobody who is left has a parent that the first one had anything to do with. Over by itself in 20 seconds.
  const fs::path script = folder_ / "chain.sh";
  std::ofstream(script) << "next() { (CHAIN=1 setsid /bin/sh \"$0\" $1 &); }\n"
                           "trap '' TERM\n"
                           "end="
                        << now_us() / 1'000'000 + 20
                        << "\n"
                           "[ $(date +%s) -ge $end ] && exit\n"
                           "if [ -n \"$CHAIN\" ]; then sleep 0.1; next $1; sleep 0.2; exit; fi\n"
                           "next $1; next $1; next $1; sleep 20\n";
  Program top = start({"/bin/sh", script.string(), family.word()});
  ASSERT_TRUE(family.grows_to(4));
  ::usleep(500'000);  // whoever the first one forked itself is gone
  const Ran ran = kill({std::to_string(top.pid()), "--tree", "--grace", "600ms"});
  EXPECT_EQ(ran.exit_code, 6) << ran.err;
  EXPECT_NE(ran.err.find("nobody recorded whose it is"), std::string::npos) << ran.err;
  EXPECT_FALSE(family.members().empty());
}

TEST_F(ProgramKillFault, OfWhoForksTwiceEndsThoseWhoseBirthWasRecorded) {
  const Family family;
  const fs::path seen = folder_ / "seen";
  // Two daemons, whose makers live until they were seen.
  Program top = shell("for i in 1 2; do (setsid sh -c 'sleep $1; :' sh $1 & while [ ! -e " + seen.string() +
                          " ]; do sleep 0.05; done) & done; trap '' TERM; sleep $1; :",
                      family.word());
  ASSERT_TRUE(family.grows_to(8));
  Program recorder = record();
  settle();
  std::ofstream(seen) << "yes";
  ASSERT_TRUE(wait_until([&] { return family.members().size() == 6; }));
  const Ran ran = kill({std::to_string(top.pid()), "--tree", "--grace", "100ms"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(family.members().empty());
  EXPECT_EQ(recorder.stop(), 0);
}

TEST_F(ProgramKillFault, AMemberThatHoldsTheLockAndOneThatReadsTheOutputDoNotHangIt) {
  const Family family;
  snapshot();
  // The first member takes the write lock of the database again and again, for a moment; python is at hand.
  const std::string script =
      "import sqlite3,sys,time\n"
      "c=sqlite3.connect(sys.argv[1],isolation_level=None,timeout=5)\n"
      "end=time.time()+40\n"
      "while time.time()<end:\n"
      "  c.execute('BEGIN IMMEDIATE');time.sleep(0.05);c.execute('COMMIT');time.sleep(0.002)\n";
  std::ofstream(folder_ / "hold.py") << script;
  const fs::path fifo = folder_ / "out";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  Program top = shell(fmt::format("python3 {} {} $1 & cat <{} & sleep $1; :", (folder_ / "hold.py").string(),
                                  db().string(), fifo.string()),
                      family.word());
  ASSERT_TRUE(family.grows_to(3));
  Options options;
  options.before_exec = [fifo] { ::dup2(::open(fifo.c_str(), O_WRONLY), STDOUT_FILENO); };
  Program killing =
      start({galproc_binary(), "kill", "--db", db().string(), std::to_string(top.pid()), "--tree", "--signal", "KILL"},
            options);
  const int code = killing.wait();
  EXPECT_EQ(code, 0) << killing.err();
  EXPECT_EQ(killing.err().find("could not be written"), std::string::npos) << killing.err();
  EXPECT_TRUE(wait_until([&] { return family.members().empty(); }, std::chrono::seconds(2)));
  EXPECT_EQ(ask("SELECT count(*) FROM termination_attempts WHERE outcome IS NULL"), "0\n");
}

TEST_F(ProgramKillFault, ThatMayNotBeLoggedIsNotDone) {
  Program sleeper = start({"/bin/sleep", "60"});
  const std::string pid = std::to_string(sleeper.pid());
  const auto refused = [&](const fs::path& file, const std::string& sentence) {
    const Ran ran = galproc({"kill", "--db", file.string(), pid});
    EXPECT_EQ(ran.exit_code, 5) << ran.err;
    EXPECT_NE(ran.err.find(sentence), std::string::npos) << ran.err;
    EXPECT_FALSE(sleeper.has_ended());
  };
  std::ofstream(folder_ / "text") << "this is no database, but it is long enough to be taken for one by its size alone";
  refused(folder_ / "text", "was not made by galproc");
  refused("/proc/galproc.db", "/proc/galproc.db");
  refused(folder_.path(), folder_.path().string());
  EXPECT_EQ(fs::file_size(folder_ / "text"), 80U);
}

TEST_F(ProgramKillFault, OfATreeEndsOrNamesTheChildThatItsEndingMemberLeftBehind) {
  const Family family;
  // The shell has the group and the session of this script, and that child's parent is gone before anybody looks.
  const std::string script = fmt::format(
      "sh -c 'trap \"sleep $1 & exit\" TERM; echo ready >{0}/ready; while :; do sleep 0.1; done' sh $1 & "
      "while [ ! -e {0}/ready ]; do sleep 0.05; done; {1} kill --db {0}/galproc.db --tree $!",
      folder_.path().string(), galproc_binary());
  Options options;
  options.before_exec = [] { ::setsid(); };
  Program all = start({"/bin/sh", "-c", script, "sh", family.word()}, options);
  const int code = all.wait();
  const auto left = family.members();
  if (code == 0) {  // a kernel that tells of births told whose it is
    EXPECT_TRUE(left.empty()) << all.err();
    return;
  }
  EXPECT_EQ(code, 6) << all.err();
  ASSERT_EQ(left.size(), 1U);
  EXPECT_NE(all.err().find(fmt::format("pid {} (", left[0])), std::string::npos) << all.err();
}

TEST_F(ProgramKillFault, OfATreeIsNoMatterOfAStrangerWhoRunsTheSame) {
  const Family family;
  const Words words = {"/bin/sh", "-c", "trap '' TERM; sleep $1; :", "sh", family.word()};
  Options options;
  options.before_exec = [] { ::setpgid(0, 0); };
  Program top = start(words, options);
  ASSERT_TRUE(family.grows_to(2));
  Program killing =
      start({galproc_binary(), "kill", "--db", db().string(), std::to_string(top.pid()), "--tree", "--grace", "1s"});
  ASSERT_TRUE(wait_until([&] {
    try {
      return fs::exists(db()) && ask("SELECT count(*) FROM termination_attempts") == "2\n";
    } catch (const SQLite::Exception&) {
      return false;  // the file is being made
    }
  }));
  Program stranger = start(words, options);
  ASSERT_TRUE(family.grows_to(3));
  EXPECT_EQ(killing.wait(), 0) << killing.err();
  EXPECT_FALSE(stranger.has_ended());
  stranger.kill();
}

TEST_F(ProgramKillFault, OfMoreThanItMayHaveOpenEndsThemAll) {
  const Family family;
  Program top = shell("i=0; while [ $i -lt 100 ]; do sleep $1 & i=$((i+1)); done; wait", family.word());
  ASSERT_TRUE(family.grows_to(101));
  Options options;
  options.before_exec = [] {
    const rlimit few{50, 50};
    ::setrlimit(RLIMIT_NOFILE, &few);
  };
  const Ran ran = kill({std::to_string(top.pid()), "--tree", "--json"}, options);
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(family.members().empty());
  EXPECT_NE(ran.err.find("101 ended, 0 left."), std::string::npos) << ran.err;
  EXPECT_EQ(ask("SELECT count(DISTINCT target_pid) FROM termination_attempts WHERE outcome = 'exited'"), "101\n");
  EXPECT_EQ(ask("SELECT count(*) FROM termination_attempts WHERE outcome = 'already_gone'"), "0\n");
}

TEST_F(ProgramKillFault, OfAnothersProcessIsRefusedAndWithItsOwnerNamedDenied) {
  if (!is_root()) GTEST_SKIP() << "only root can be another user too";
  ::chmod(folder_.path().c_str(), 0755);
  const fs::path program = folder_ / "galproc", own = folder_ / "nobody";
  fs::copy_file(galproc_binary(), program);
  ::chmod(program.c_str(), 0755);
  fs::create_directory(own);
  ASSERT_EQ(::chown(own.c_str(), kNobody, kNobody), 0);
  Program sleeper = start({"/bin/sleep", "60"});
  Options options;
  options.before_exec = [] { become(kNobody, kNobody); };
  const fs::path file = own / "galproc.db";
  const Words words = {program.string(), "kill", "--db", file.string(), std::to_string(sleeper.pid())};
  const Ran refused = run(words, options);
  EXPECT_EQ(refused.exit_code, 4) << refused.err;
  EXPECT_NE(refused.err.find("belongs to root"), std::string::npos) << refused.err;
  Words named = words;
  named.insert(named.end(), {"--user", "root"});
  const Ran denied = run(named, options);
  EXPECT_EQ(denied.exit_code, 4) << denied.err;
  EXPECT_FALSE(sleeper.has_ended());
  EXPECT_EQ(galproc::ask(file, "SELECT outcome, target_name FROM termination_attempts ORDER BY attempt_id"),
            "refused|sleep\ndenied|sleep\n");
}

}  // namespace
}  // namespace galproc
