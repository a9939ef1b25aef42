#pragma once

// A recorder and kills on a scripted machine, on one real file, while something is wrong with the disk.

#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>
#include <string>

#include "action/service_start.h"
#include "recorder/recorder.h"
#include "store/embedded.h"
#include "store/file_check.h"
#include "support/kill_fixture.h"
#include "support/rows_text.h"
#include "support/torture.h"
#include "support/watched_disk.h"

namespace galproc {

/// What `galproc db check` finds; "" in a whole file.
inline std::string problems_of(SQLite::Database& database) {
  std::string found;
  for (const FileCheck& check : check_file(database, CheckDepth::Full)) {
    if (check.problem_count > 0) found += check.name + ": " + check.detail + "\n";
  }
  return found;
}

/// A file of the first schema, with rows.
inline void make_old_file(const std::filesystem::path& path) {
  SQLite::Database old(path.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  old.exec("PRAGMA application_id = " + std::to_string(kApplicationId));
  old.exec("PRAGMA journal_mode = WAL");
  old.exec(kSchemaFiles[0].content);
  old.exec(
      "INSERT INTO boot VALUES (1, '11111111-aaaa', 1, 5, 'box', 'Linux', '6.1');"
      "INSERT INTO process VALUES (7, 1, 42, 300, 900, 0, 3, 100, NULL, 1);"
      "INSERT INTO process_image (upid, image_no, at_us, name, truncated) VALUES (7, 1, 900, 'node', 0);"
      "PRAGMA user_version = 1");
}

/// Whether somebody was logged to be sent something.
inline std::string attempt_on(const ProcessKey& key) {
  return fmt::format("SELECT count(*) > 0 FROM attempt WHERE target_pid = {} AND target_start_token = {}", key.pid,
                     key.start_token);
}

/// A small machine where something goes on at every look, and a file of its own.
class DiskWorld {
 public:
  static constexpr std::int64_t kInterval = FakePlatform::kSecond;
  static constexpr int kRoot = 40;  ///< of a tree of three

  /// Each after the ones before it, and another boot.
  explicit DiskWorld(std::filesystem::path path) : path(std::move(path)) {
    static int boots = 0;
    platform.boot_uuid = "boot-" + std::to_string(++boots);
    platform.now.wall_us += boots * 3600 * FakePlatform::kSecond;
    platform.start(1, 0, "init");
    platform.who.key = platform.start(30, 1, "galproc");
    start_tree();
    for (int pid = 100; pid < 120; ++pid) platform.start(pid, 1, "idle");
    platform.listen(40, 80);
  }

  /// A recorder's whole run of so many looks; `meanwhile(n)` is called before look n, from 1.
  void record(
      int ticks, const std::function<void(int)>& meanwhile = [](int) {}) {
    record(ticks, RecordingLimits{}, meanwhile);
  }
  void record(int ticks, const RecordingLimits& limits, const std::function<void(int)>& meanwhile) {
    RecordOptions options;
    options.database = path;
    options.interval_us = kInterval;
    options.version = "test";
    options.samples = ticks;
    options.limits = limits;
    int look = 0;
    platform.on_wake = [&, due_us = platform.now.boot_us](int) mutable {
      if (is_acting_ || platform.now.boot_us < due_us) return true;  // a kill waits; or woken to try again
      due_us = platform.now.boot_us + kInterval;
      go_on(++look);
      meanwhile(look);
      return true;
    };
    Recorder(platform, options, talk).run();
  }

  /// Ends the tree, which is started anew where it is gone.
  KillReport kill() {
    start_tree();
    platform.on_signal = [this, keys = keys()](std::int64_t pid, Signal) { on_signal(keys.at(pid)); };
    KillRequest request;
    request.tree = true;
    const Acting acting(*this);
    return run_kill(platform, path, request, {kRoot});
  }

  /// Starts a service that goes on.
  ServiceReport start_service(const std::string& name) {
    ServiceRequest request;
    request.name = name;
    request.command.words = {"sh", "-c", "serve"};
    request.command.working_directory = "/";
    request.command.inherited_environment = {"PATH=/usr/bin:/bin"};
    request.log_path = path.string() + "-" + name + ".log";
    const Redactor redactor;
    const Acting acting(*this);
    return ServiceStart(platform, path, redactor, std::move(request)).run();
  }

  std::filesystem::path path;
  FakePlatform platform;
  std::ostringstream talk;
  std::function<void(const ProcessKey&)> on_signal = [](const ProcessKey&) {};  ///< called for each that a kill sent

 private:
  /// What a command waits for is no look of the recorder.
  class Acting {
   public:
    explicit Acting(DiskWorld& world) : world_(world) { world_.is_acting_ = true; }
    ~Acting() { world_.is_acting_ = false; }
    Acting(const Acting&) = delete;
    Acting& operator=(const Acting&) = delete;

   private:
    DiskWorld& world_;
  };

  void start_tree() {
    for (const int pid : {kRoot, kRoot + 1, kRoot + 2}) {
      if (!platform.processes.contains(pid)) platform.start(pid, pid == kRoot ? 1 : pid - 1, "worker");
    }
  }
  std::map<std::int64_t, ProcessKey> keys() const {
    std::map<std::int64_t, ProcessKey> keys;
    for (const auto& [pid, process] : platform.processes) keys[pid] = process.key;
    return keys;
  }
  void go_on(int look) {
    for (int pid = 100; pid < 120; ++pid) platform.run(pid, (pid + look) % 4 == 0 ? 1000 : 0);
    const int born = 1000 + look;
    platform.start(born, 1, "short");
    platform.end(born - 1);
    if (look % 3 == 0) platform.listen(100, 8000 + look);
    if (look % 3 == 1) platform.close_port(8000 + look - 1);
  }

  bool is_acting_ = false;
};

class DiskTest : public testing::Test {
 protected:
  static constexpr int kRuns = 5, kTicksOfARun = 3;

  std::filesystem::path fresh_path() { return folder_ / ("file" + std::to_string(++files_) + ".db"); }
  /// A file with some runs, each a keyframe window, and a kill in it; copied from one that is made once.
  std::filesystem::path used_path() {
    const std::filesystem::path model = folder_ / "model.db";
    if (!std::filesystem::exists(model)) {
      for (int run = 0; run < kRuns; ++run) {
        DiskWorld world(model);
        world.record(kTicksOfARun);
        if (run == 0) {
          EXPECT_EQ(world.kill().exit_code, 0);
        }
      }
    }
    const std::filesystem::path path = fresh_path();
    for (const char* ending : {"", "-wal"}) {
      std::filesystem::copy_file(model.string() + ending, path.string() + ending);
    }
    return path;
  }
  static void remove(const std::filesystem::path& path) {
    for (const char* ending : {"", "-wal", "-shm", "-journal", ".reserve", ".recorder-lock"}) {
      std::filesystem::remove(path.string() + ending);
    }
  }
  static void expect_sound(const std::filesystem::path& path) {
    SQLite::Database database = open_for_reading(path);
    EXPECT_EQ(problems_of(database), "");
  }
  static std::string ask(const std::filesystem::path& path, const std::string& sql) {
    SQLite::Database database = open_for_reading(path);
    return rows_of(database, sql);
  }

  TemporaryFolder folder_{memory_folder()};  ///< a disk that is made to fail need not be waited for
  Course course_;

 private:
  int files_ = 0;
};

}  // namespace galproc
