// A file that was hurt: bits that flipped, an end that is missing, a -wal that is missing or belongs to another file.
// Whatever it is, no command crashes, goes on for ever or changes anybody, and a recorder goes on in this file or in a
// new one, or says why not.

#include <signal.h>

#include <random>

#include "support/program.h"
#include "support/puppet.h"

namespace galproc {
namespace {

constexpr int kRounds = 4;  // of each kind that chance has a part in; GALPROC_TORTURE_ROUNDS for more

class ProgramHurtFile : public ProgramTest {
 protected:
  static int rounds() {
    const char* asked = std::getenv("GALPROC_TORTURE_ROUNDS");
    return asked == nullptr ? kRounds : std::atoi(asked);
  }

  /// A recording that was killed: some of it stands in the file, the rest in its -wal.
  void record_life(const fs::path& database) const {
    Program recorder = start({galproc_binary(), "record", "--db", database.string(), "--interval", "10ms"});
    for (int i = 0; i < 3; ++i) {
      Puppet puppet;
      puppet.listen();
      const auto seen = [&] {
        const Ran ran = run({"/usr/bin/sqlite3", "-readonly", database.string(),
                             fmt::format("SELECT count(*) FROM processes WHERE pid = {}", puppet.pid())});
        return ran.out == "1\n";
      };
      ASSERT_TRUE(wait_until(seen)) << recorder.err();
      if (i == 1) SQLite::Database(database.string(), SQLite::OPEN_READWRITE).execAndGet("PRAGMA wal_checkpoint");
    }
    recorder.kill();
  }
  void put_back(const fs::path& original) const {
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_.path())) {
      if (entry.path().filename().string().rfind("galproc.db", 0) == 0) fs::remove(entry.path());
    }
    for (const char* end : {"", "-wal"}) fs::copy_file(original.string() + end, db().string() + end);
  }

  /// Every verb that opens the file; the recorder last.
  void try_everything() const {
    Puppet bystander;
    const std::vector<Words> verbs = {
        {"query", "tree"},
        {"query", "top"},
        {"query", "gaps"},
        {"query", "who-killed", "--pid", std::to_string(bystander.pid())},
        {"query", "--run", "SELECT count(*), total(cpu_us) FROM process_samples"},
        {"db", "check"},
        {"db", "info"},
        {"db", "verify"},
        {"db", "snapshot", (folder_ / "copy.db").string()},
        {"db", "prune", "--older", "1h"},
        {"doctor"},
        {"find", "--name", "no-such-name"},
        {"kill", "--dry-run", std::to_string(bystander.pid())},
        {"record", "--samples", "2", "--interval", "10ms", "--event-source", "none"},
    };
    for (Words words : verbs) {
      words.insert(words.end(), {"--db", db().string()});
      const auto begun = std::chrono::steady_clock::now();
      const Ran ran = galproc(words);
      const std::string said = fmt::format("{} gave {}: {}", fmt::join(words, " "), ran.exit_code, ran.err);
      EXPECT_LE(ran.exit_code, 5) << said;
      EXPECT_TRUE(ran.exit_code == 0 || !ran.err.empty()) << said;
      EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(30)) << said;
      fs::remove(folder_ / "copy.db");
    }
    EXPECT_EQ(::kill(bystander.pid(), 0), 0);
    // What is recorded from now on can be asked for, unless the file is not known as galproc's any more.
    const Ran after = galproc({"query", "recordings", "--db", db().string()});
    const Ran again = galproc({"record", "--samples", "1", "--event-source", "none", "--db", db().string()});
    if (again.exit_code == 0) {
      const Ran tree = galproc({"query", "tree", "--db", db().string(), "-q"});
      EXPECT_EQ(tree.exit_code, 0) << tree.err;
      EXPECT_NE(tree.out.find(" galproc"), std::string::npos) << after.err << tree.out;
    } else {
      EXPECT_NE(again.err, "");
    }
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_.path())) {
      const std::string name = entry.path().filename().string();
      if (name.rfind("galproc.db.corrupt-", 0) != 0 || name.ends_with("-wal") || name.ends_with("-shm")) continue;
      EXPECT_EQ(ask(fmt::format("SELECT kind FROM gaps WHERE instr(detail, '{}')", name)), "file_moved\n") << name;
    }
  }

  template <typename Hurt>
  void hurt(const Hurt& hurt, int most_rounds = rounds()) const {
    const fs::path original = folder_ / "original.db";
    ASSERT_NO_FATAL_FAILURE(record_life(original));
    for (int round = 1; round <= most_rounds; ++round) {
      SCOPED_TRACE(fmt::format("round {}", round));
      put_back(original);
      std::mt19937_64 random(static_cast<unsigned>(round));
      hurt(random);
      try_everything();
      if (HasFailure()) return;
    }
  }

  static std::uintmax_t any(std::mt19937_64& random, std::uintmax_t below) {
    return std::uniform_int_distribution<std::uintmax_t>(0, below - 1)(random);
  }
  fs::path file_or_wal(std::mt19937_64& random) const { return db().string() + (any(random, 3) == 0 ? "-wal" : ""); }
};

TEST_F(ProgramHurtFile, WithBitsThatFlipped) {
  hurt([&](std::mt19937_64& random) {
    const fs::path path = file_or_wal(random);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    for (std::uintmax_t flips = 1 + any(random, 64); flips > 0; --flips) {
      const auto place = static_cast<std::streamoff>(any(random, fs::file_size(path)));
      file.seekg(place);
      const auto bits = static_cast<char>(file.get() ^ (1 << any(random, 8)));
      file.seekp(place);
      file.put(bits);
    }
  });
}

TEST_F(ProgramHurtFile, ThatWasCutOff) {
  hurt([&](std::mt19937_64& random) {
    const fs::path path = file_or_wal(random);
    fs::resize_file(path, any(random, fs::file_size(path)));
  });
}

TEST_F(ProgramHurtFile, WithPagesThatWereNeverWritten) {
  hurt([&](std::mt19937_64& random) {
    std::fstream file(db(), std::ios::in | std::ios::out | std::ios::binary);
    for (int pages = 0; pages < 3; ++pages) {
      file.seekp(static_cast<std::streamoff>(4096 * any(random, fs::file_size(db()) / 4096)));
      file << std::string(4096, '\0');
    }
  });
}

TEST_F(ProgramHurtFile, WithoutItsWal) {
  hurt([&](std::mt19937_64&) { fs::remove(db().string() + "-wal"); }, 1);
}

TEST_F(ProgramHurtFile, WithTheWalOfAnother) {
  const fs::path other = folder_ / "other.db";
  ASSERT_NO_FATAL_FAILURE(record_life(other));
  hurt(
      [&](std::mt19937_64&) {
        fs::copy_file(other.string() + "-wal", db().string() + "-wal", fs::copy_options::overwrite_existing);
      },
      1);
}

// Valid frames of another galproc file, which SQLite cannot tell from its own.
TEST_F(ProgramHurtFile, WithTheWholeWalOfAnotherIsMovedAsideByTheNextRecorder) {
  const fs::path other = folder_ / "other.db";
  ASSERT_NO_FATAL_FAILURE(record_life(other));
  ASSERT_NO_FATAL_FAILURE(record_life(db()));
  fs::copy_file(other.string() + "-wal", db().string() + "-wal", fs::copy_options::overwrite_existing);
  fs::remove(db().string() + "-shm");
  const Ran ran = galproc({"record", "--samples", "3", "--interval", "10ms", "--db", db().string()});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  const Ran check = galproc({"db", "check", "--db", db().string()});
  EXPECT_EQ(check.exit_code, 0) << check.out << check.err << ran.err;
}

TEST_F(ProgramHurtFile, WithAWalOfRubbish) {
  hurt([&](std::mt19937_64& random) {
    std::string rubbish(4096 * 3 + any(random, 4096), '\0');
    for (char& byte : rubbish) byte = static_cast<char>(random());
    std::ofstream(db().string() + "-wal", std::ios::binary) << rubbish;
  });
}

/// The commands of README's recipe, with these names in it.
std::string recipe(const fs::path& corrupt, const fs::path& rescued) {
  std::ifstream file(std::string(GALPROC_SOURCE_DIR) + "/README.md");
  std::string commands, line;
  while (std::getline(file, line)) {
    if (line.find("rescued.db") == std::string::npos || line.find("sqlite3") == std::string::npos) continue;
    for (const auto& [name, path] :
         {std::pair{std::string("NAME.corrupt-TIME"), corrupt}, std::pair{std::string("rescued.db"), rescued}}) {
      if (const auto place = line.find(name); place != std::string::npos) {
        line.replace(place, name.size(), path.string());
      }
    }
    commands += line + "\n";
  }
  return commands;
}

TEST_F(ProgramHurtFile, IsRescuedByTheRecipe) {
  ASSERT_NO_FATAL_FAILURE(record_life(db()));
  snapshot();
  const std::string ticks = ask("SELECT count(*) FROM tick");
  const std::string page = ask("SELECT rootpage FROM sqlite_schema WHERE name = 'process_image'");
  std::fstream file(db(), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(4096 * (std::stoll(page) - 1));
  file << std::string(4096, static_cast<char>(0xa5));
  file.close();
  EXPECT_EQ(galproc({"db", "check", "--db", db().string()}).exit_code, 1);

  const fs::path rescued = folder_ / "out.db";
  const Ran ran = run({"/bin/sh", "-c", recipe(db(), rescued)});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  SQLite::Database database(rescued.string(), SQLite::OPEN_READONLY);
  EXPECT_EQ(fmt::format("{}\n", database.execAndGet("SELECT count(*) FROM tick").getInt64()), ticks);
  const Ran system = galproc({"query", "system", "--db", rescued.string(), "-q"});
  EXPECT_EQ(system.exit_code, 0) << system.err;
  const Ran check = galproc({"db", "check", "--db", rescued.string(), "-q"});
  EXPECT_NE(check.out.find("has no image"), std::string::npos) << check.out << check.err;
  const Ran prune = galproc({"db", "prune", "--to-size", "0", "--db", rescued.string(), "-q"});
  EXPECT_EQ(prune.exit_code, 0) << prune.err;
}

}  // namespace
}  // namespace galproc
