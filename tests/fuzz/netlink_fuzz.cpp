// Datagrams of netlink: the answers of sock_diag, and what the proc connector tells, with the lives that are made of
// it.

#include <linux/netlink.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <vector>

#include "fuzz/fuzz.h"
#include "platform/linux/connector_lives.h"
#include "platform/linux/connector_records.h"
#include "platform/linux/socket_diag.h"
#include "support/temporary_folder.h"

namespace galproc {
namespace {

void try_dump(FuzzInput input) {
  const DumpKind kinds[] = {{Protocol::Tcp, AF_INET, TCP_LISTEN, "tcp"}, {Protocol::Udp, AF_INET6, TCP_CLOSE, "udp"}};
  const DumpKind& kind = kinds[input.byte() % 2];
  std::vector<BoundSocket> sockets;
  DumpReply reply;
  parse_dump(input.rest(), kind, 1, sockets, reply);
  expect(reply.code >= 0 && reply.code <= 4095, "what the kernel says is an errno");
  for (const BoundSocket& socket : sockets) {
    expect(socket.port != 0 && socket.family == kind.family, "a socket is of the kind that was asked for");
  }
}

/// One datagram after the other, each as long as the byte before it says, in batches of three.
void try_connector(FuzzInput input) {
  static const TemporaryFolder nobody;
  ConnectorLives lives({false, 0, nobody.path().string(), 0});
  std::vector<ConnectorRecord> batch;
  std::vector<Event> events;
  while (!input.is_empty()) {
    if (auto record = parse_connector_message(bytes_of(input.take(input.byte())))) {
      expect(record->name.size() <= 16, "a name is as long as the kernel's");
      batch.push_back(std::move(*record));
    }
    if (batch.size() < 3 && !input.is_empty()) continue;
    lives.take(batch, 0, 0, events);
    batch.clear();
  }
  for (int more = 0; lives.has_ends(); ++more) {
    expect(more < 2, "an end is told within two calls");
    lives.take({}, 0, 0, events);
  }
}

}  // namespace
}  // namespace galproc

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  galproc::FuzzInput input(data, size);
  const unsigned which = input.byte();
  if (which == 'd') galproc::try_dump(input);
  if (which == 'c') galproc::try_connector(input);
  return 0;
}
