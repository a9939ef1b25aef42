#pragma once

// A recorder on a scripted machine whose kernel tells what happens.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/recorder_fixture.h"

namespace galproc {

class EventTest : public RecorderTest {
 protected:
  EventTest() {
    world_.no_events.clear();
    world_.start(1, 0, "init");
    world_.start(5, 1, "shell");
  }
  RecordOptions with_events() {
    RecordOptions with = options();
    with.event_source = "auto";
    return with;
  }
  void record(
      int ticks, const std::function<void(int)>& change = [](int) {}) {
    RecorderTest::record(ticks, with_events(), change);
  }

  /// Somebody of the world, or nobody that any look has seen.
  EventParty party(std::int64_t pid, const std::string& name = "brief") {
    EventParty party;
    party.name = name;
    party.user_id = 1000;
    party.user_name = "ann";
    party.parent_pid = 5;
    party.key = {pid, 7000 + pid};
    party.started_boot_us = world_.now.boot_us;
    if (const auto at = world_.processes.find(pid); at != world_.processes.end()) {
      party.key = at->second.key;
      party.parent_pid = at->second.parent_pid;
      party.started_boot_us = at->second.started_boot_us;
      party.name = at->second.image->name;
    }
    return party;
  }
  void tell(decltype(Event::what) what) { world_.events.push_back({world_.now.boot_us, std::move(what)}); }
  void tell_fork(std::int64_t parent, std::int64_t child) { tell(ForkEvent{party(parent), party(child)}); }
  void tell_exec(std::int64_t pid, std::vector<std::string> arguments) {
    ExecEvent exec{party(pid), nullptr};
    auto image = std::make_shared<ProcessImage>();
    image->name = arguments.front().substr(arguments.front().rfind('/') + 1);
    image->executable = arguments.front();
    image->arguments = std::move(arguments);
    exec.image = std::move(image);
    tell(std::move(exec));
  }
  void tell_exit(std::int64_t pid, std::int64_t wait_status, std::optional<ProcessUsage> usage = {}) {
    tell(ExitEvent{party(pid), wait_status, usage});
  }
  std::string images_of(std::int64_t pid) {
    return ask(
        "SELECT i.image_no, i.name, i.command_line FROM process_images AS i JOIN process USING (upid)"
        " WHERE pid = " +
        std::to_string(pid) + " ORDER BY i.image_no");
  }
  std::string exits_of(std::int64_t pid) {
    return ask(
        "SELECT (SELECT name FROM witness WHERE source = x.source), x.exit_code, x.exit_signal"
        " FROM process_exit AS x JOIN process USING (upid) WHERE pid = " +
        std::to_string(pid) + " ORDER BY x.source");
  }
  std::unique_ptr<SQLite::Database> lock_database() {
    auto other = std::make_unique<SQLite::Database>((folder_ / "galproc.db").string(), SQLite::OPEN_READWRITE);
    other->exec("BEGIN IMMEDIATE");
    return other;
  }
};

}  // namespace galproc
