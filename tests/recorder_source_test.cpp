// Which source of processes and sockets a recording takes, and what it says of that.

#include <gtest/gtest.h>

#include "model/errors.h"
#include "support/recorder_fixture.h"

namespace galproc {
namespace {

constexpr const char* kSources = "SELECT process_source, socket_source FROM recording";
constexpr const char* kReasons =
    "SELECT process_source_reason, socket_source_reason, event_source_reason, limits, events_lost FROM recordings";

TEST_F(RecorderTest, TheBestSourceOfProcessesIsTakenAndNamedInTheRecording) {
  world_.no_bpf = "";
  RecordOptions options = this->options();
  options.process_source = "auto";
  record(1, options);
  EXPECT_EQ(ask(kSources), "bpf|bpf\n");
  EXPECT_NE(talk_.str().find("processes: bpf, sockets: bpf"), std::string::npos) << talk_.str();
  EXPECT_EQ(talk_.str().find("not read from bpf"), std::string::npos) << talk_.str();
  EXPECT_EQ(ask(kReasons), "NULL|NULL|NULL|NULL|NULL\n");
}

TEST_F(RecorderTest, PrivilegesAreGivenUpOnceTheFileIsOpen) {
  record(1);
  EXPECT_EQ(world_.given_up_for, std::vector<std::filesystem::path>{folder_ / "galproc.db"});
  world_.no_giving_up = "Privileges that are not needed stay: Operation not permitted.";
  record(1);
  EXPECT_NE(talk_.str().find(world_.no_giving_up), std::string::npos) << talk_.str();
  EXPECT_EQ(ask("SELECT count(*) FROM tick"), "2\n");
}

TEST_F(RecorderTest, WhyABetterSourceOfProcessesIsNotTakenIsSaid) {
  world_.no_bpf = "the kernel is too old";
  RecordOptions options = this->options();
  options.process_source = "auto";
  record(1, options);
  EXPECT_EQ(ask(kSources), "proc|sock_diag\n");
  EXPECT_NE(talk_.str().find("Processes and sockets are not read from bpf: the kernel is too old."), std::string::npos)
      << talk_.str();
  EXPECT_EQ(ask(kReasons), "bpf: the kernel is too old|bpf: the kernel is too old|NULL|NULL|NULL\n");
}

TEST_F(RecorderTest, WhyThereAreNoEventsStandsInTheRecordingForEachSourceOfThem) {
  world_.no_events = "not on this machine";
  RecordOptions options = this->options();
  options.event_source = "auto";
  record(1, options);
  EXPECT_EQ(ask("SELECT event_source, event_source_reason, events_lost FROM recordings"),
            "none|bpf: not on this machine; netlink: not on this machine|NULL\n");
}

TEST_F(RecorderTest, WhatTheSourcesAndTheUserCannotSeeAndWhatWasLostStandInTheRecording) {
  world_.no_events = "";
  world_.limits = {"Not root."};
  world_.event_limits = {"Failed calls are not seen."};
  RecordOptions options = this->options();
  options.event_source = "auto";
  record(4, options, [&](int look) { world_.lost_events = look; });
  EXPECT_EQ(ask("SELECT event_source, limits, events_lost FROM recordings"),
            "bpf|Not root. Failed calls are not seen.|10\n");
  EXPECT_NE(talk_.str().find("Failed calls are not seen."), std::string::npos) << talk_.str();
}

TEST_F(RecorderTest, NothingIsSaidOfASourceOfProcessesThatNobodyAskedFor) {
  record(1);
  EXPECT_EQ(ask(kSources), "proc|sock_diag\n");
  EXPECT_EQ(talk_.str().find("Processes and sockets"), std::string::npos) << talk_.str();
  EXPECT_EQ(ask(kReasons), "NULL|NULL|NULL|NULL|NULL\n");
}

TEST_F(RecorderTest, ASourceOfProcessesThatWasAskedForAndCannotBeHadIsARefusal) {
  world_.no_bpf = "this user may not";
  RecordOptions options = this->options();
  options.process_source = "bpf";
  try {
    record(1, options);
    FAIL() << "it recorded";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::Refused);
    EXPECT_STREQ(error.what(), "--process-source bpf cannot be had: this user may not. Try --process-source auto.");
  }
}

}  // namespace
}  // namespace galproc
