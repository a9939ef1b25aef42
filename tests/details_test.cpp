// What is read of one process when somebody asks about it: the kernel's texts, and this very process.

#include "platform/linux/details.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "platform/platform.h"

namespace galproc {
namespace {

TEST(Details, ParseEstablishedConnectionsOfBothFamilies) {
  const auto v4 = parse_connections(
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
      "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 11 1 0 100 0\n"
      "   1: 0100007F:1F90 0200007F:C001 01 00000000:00000000 00:00000000 00000000  1000        0 12 1 0 20 4\n"
      "   2: 0100007F:1F90 0200007F:C002 06 00000000:00000000 03:00000000 00000000     0        0 0 3 0\n"
      "garbage\n   3: 0100007F 0200007F:C002 01 0:0 0:0 0 0 0 13\n   4: 0100007F:XY 0200007F:C002 01 0:0 0:0 0 0 0 "
      "14\n");
  ASSERT_EQ(v4.size(), 1U);
  EXPECT_EQ(v4[0].first, 12U);
  EXPECT_EQ(v4[0].second.local_address, "127.0.0.1");
  EXPECT_EQ(v4[0].second.local_port, 8080);
  EXPECT_EQ(v4[0].second.remote_address, "127.0.0.2");
  EXPECT_EQ(v4[0].second.remote_port, 49153);
  const auto v6 = parse_connections(
      "head\n 0: 00000000000000000000000001000000:0016 B80D0120000000000000000001000000:C000 01 0:0 0:0 0 0 0 77\n");
  ASSERT_EQ(v6.size(), 1U);
  EXPECT_EQ(v6[0].second.local_address, "::1");
  EXPECT_EQ(v6[0].second.remote_address, "2001:db8::1");
  EXPECT_TRUE(parse_connections("").empty());
}

TEST(Details, ParseSoftLimits) {
  const auto limits = parse_limits(
      "Limit                     Soft Limit           Hard Limit           Units     \n"
      "Max processes             96365                96365                processes \n"
      "Max open files            1024                 1048576              files     \n"
      "Max address space         unlimited            unlimited            bytes     \n"
      "Max file locks            unlimited            unlimited            locks     \n"
      "Max open files            \n");
  ASSERT_EQ(limits.size(), 3U);
  EXPECT_EQ(limits[0].name, "processes");
  EXPECT_EQ(limits[0].value, 96365);
  EXPECT_EQ(limits[1].value, 1024);
  EXPECT_EQ(limits[2].name, "address_space_bytes");
  EXPECT_EQ(limits[2].value, std::nullopt);
}

TEST(Details, ParseTheNameOfAProcessor) {
  EXPECT_EQ(parse_processor("processor\t: 0\nmodel\t\t: 1\nmodel name\t: A CPU @ 2: fast\n"), "A CPU @ 2: fast");
  EXPECT_EQ(parse_processor("processor\t: 0\nBogoMIPS\t: 1\n"), std::nullopt);
  EXPECT_EQ(parse_processor(""), std::nullopt);
}

TEST(Details, AreOfThisVeryProcessOrOfNobody) {
  const auto platform = make_platform();
  ProcessKey self = platform->self();
  const auto details = platform->read_details(self);
  ASSERT_TRUE(details);
  EXPECT_EQ(details->limits.size(), 3U);
  EXPECT_TRUE(details->errors.empty());
  self.start_token += 1;
  EXPECT_FALSE(platform->read_details(self));
  EXPECT_FALSE(platform->read_details({999'999'999, 1}));
  EXPECT_EQ(platform->machine().system, platform->host().system);
}

}  // namespace
}  // namespace galproc
