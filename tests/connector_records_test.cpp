// The messages of the proc connector, from made-up bytes.

#include "platform/linux/connector_records.h"

#include <gtest/gtest.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>

#include <cstring>
#include <vector>

namespace galproc {
namespace {

using Bytes = std::vector<std::byte>;
using Kind = ConnectorRecord::Kind;

struct Message {
  nlmsghdr header{};
  ConnectorHead head{CN_IDX_PROC, CN_VAL_PROC, 41, 7, sizeof(proc_event), 0};
  proc_event event{};

  explicit Message(std::uint32_t what) {
    header.nlmsg_len = NLMSG_LENGTH(sizeof head + sizeof event);
    header.nlmsg_type = NLMSG_DONE;
    std::memcpy(&event, &what, sizeof what);
    event.cpu = 3;
    event.timestamp_ns = 5'000'001'999;
  }
  Bytes bytes() const {
    Bytes bytes(header.nlmsg_len);
    std::memcpy(bytes.data(), &header, sizeof header);
    std::memcpy(bytes.data() + NLMSG_HDRLEN, &head, sizeof head);
    std::memcpy(bytes.data() + NLMSG_HDRLEN + sizeof head, &event, sizeof event);
    return bytes;
  }
};

TEST(ConnectorRecords, TellWhoWroteThemWhenAndInWhichOrder) {
  const auto record = parse_connector_message(Message(proc_event::PROC_EVENT_EXEC).bytes());
  ASSERT_TRUE(record);
  EXPECT_EQ(record->cpu, 3U);
  EXPECT_EQ(record->sequence, 41U);
  EXPECT_EQ(record->answer, 7U);
  EXPECT_EQ(record->at_ns, 5'000'001'999);
}

TEST(ConnectorRecords, OfABirthNameTheChildAndItsParent) {
  Message message(proc_event::PROC_EVENT_FORK);
  message.event.event_data.fork = {11, 10, 21, 20};
  const auto record = parse_connector_message(message.bytes());
  ASSERT_TRUE(record);
  EXPECT_EQ(record->kind, Kind::Fork);
  EXPECT_EQ(record->parent_pid, 10);
  EXPECT_EQ(record->pid, 20);
  EXPECT_EQ(record->thread_id, 21);
}

TEST(ConnectorRecords, OfAnEndHoldTheWaitStatusOfTheThread) {
  Message message(proc_event::PROC_EVENT_EXIT);
  message.event.event_data.exit.process_tgid = 20;
  message.event.event_data.exit.process_pid = 21;
  message.event.event_data.exit.exit_code = 6 << 8;
  const auto record = parse_connector_message(message.bytes());
  ASSERT_TRUE(record);
  EXPECT_EQ(record->kind, Kind::Exit);
  EXPECT_EQ(record->pid, 20);
  EXPECT_EQ(record->thread_id, 21);
  EXPECT_EQ(record->wait_status, 6 << 8);
}

TEST(ConnectorRecords, OfAChangeOfUserHoldTheEffectiveOne) {
  Message message(proc_event::PROC_EVENT_UID);
  message.event.event_data.id.process_tgid = 20;
  message.event.event_data.id.r.ruid = 1;
  message.event.event_data.id.e.euid = 65534;
  const auto record = parse_connector_message(message.bytes());
  ASSERT_TRUE(record);
  EXPECT_EQ(record->kind, Kind::User);
  EXPECT_EQ(record->user_id, 65534);
}

TEST(ConnectorRecords, HoldANameThatFillsItsWholeField) {
  Message message(proc_event::PROC_EVENT_COMM);
  std::memcpy(message.event.event_data.comm.comm, "sixteen-bytes-ab", 16);
  const auto record = parse_connector_message(message.bytes());
  ASSERT_TRUE(record);
  EXPECT_EQ(record->kind, Kind::Name);
  EXPECT_EQ(record->name, "sixteen-bytes-ab");
}

TEST(ConnectorRecords, OfAnotherKindAreCountedAndNothingElse) {
  const auto record = parse_connector_message(Message(proc_event::PROC_EVENT_PTRACE).bytes());
  ASSERT_TRUE(record);
  EXPECT_EQ(record->kind, Kind::Other);
  EXPECT_EQ(record->sequence, 41U);
}

TEST(ConnectorRecords, AnAnswerHoldsItsError) {
  Message message(proc_event::PROC_EVENT_NONE);
  message.event.event_data.ack.err = 22;
  const auto record = parse_connector_message(message.bytes());
  ASSERT_TRUE(record);
  EXPECT_EQ(record->kind, Kind::Answer);
  EXPECT_EQ(record->error, 22);
}

TEST(ConnectorRecords, ThatAreCutShortAreNone) {
  const Bytes whole = Message(proc_event::PROC_EVENT_FORK).bytes();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parse_connector_message(std::span(whole).first(size))) << size;
  }
}

TEST(ConnectorRecords, WhoseLengthLiesAreNone) {
  Message message(proc_event::PROC_EVENT_FORK);
  Bytes bytes = message.bytes();
  for (const std::uint32_t length : {0U, 1U, 15U, 16U, 36U, 1U << 31, 0xffffffffU}) {
    std::memcpy(bytes.data(), &length, sizeof length);
    EXPECT_FALSE(parse_connector_message(bytes)) << length;
  }
}

TEST(ConnectorRecords, OfAnotherConnectorAreNone) {
  Message message(proc_event::PROC_EVENT_FORK);
  message.head.index = CN_IDX_CIFS;
  EXPECT_FALSE(parse_connector_message(message.bytes()));
}

}  // namespace
}  // namespace galproc
