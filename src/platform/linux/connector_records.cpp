// The messages of the proc connector. Nothing here needs a kernel.

#include "platform/linux/connector_records.h"

#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>

#include <cstring>

namespace galproc {

namespace {

static_assert(sizeof(ConnectorHead) == sizeof(cn_msg));

/// A copy, since messages lie at any address; empty where there is not so much left.
template <typename Part>
std::optional<Part> part_of(std::span<const std::byte> bytes) {
  if (bytes.size() < sizeof(Part)) return std::nullopt;
  Part part;
  std::memcpy(&part, bytes.data(), sizeof(part));
  return part;
}

void note(const proc_event& event, ConnectorRecord& record) {
  using Kind = ConnectorRecord::Kind;
  const auto& data = event.event_data;
  // The numbers, not the names: an enumeration of another kernel may hold others.
  switch (static_cast<std::uint32_t>(event.what)) {
    case 0:
      record.kind = Kind::Answer;
      record.error = data.ack.err;
      break;
    case 0x1:
      record.kind = Kind::Fork;
      record.pid = data.fork.child_tgid;
      record.thread_id = data.fork.child_pid;
      record.parent_pid = data.fork.parent_tgid;
      break;
    case 0x2:
      record.kind = Kind::Exec;
      record.pid = data.exec.process_tgid;
      record.thread_id = data.exec.process_pid;
      break;
    case 0x4:
      record.kind = Kind::User;
      record.pid = data.id.process_tgid;
      record.thread_id = data.id.process_pid;
      record.user_id = data.id.e.euid;
      break;
    case 0x200:
      record.kind = Kind::Name;
      record.pid = data.comm.process_tgid;
      record.thread_id = data.comm.process_pid;
      record.name.assign(data.comm.comm, ::strnlen(data.comm.comm, sizeof data.comm.comm));
      break;
    case 0x80000000:
      record.kind = Kind::Exit;
      record.pid = data.exit.process_tgid;
      record.thread_id = data.exit.process_pid;
      record.wait_status = data.exit.exit_code;
      break;
    default: break;
  }
}

}  // namespace

std::optional<ConnectorRecord> parse_connector_message(std::span<const std::byte> datagram) {
  const auto header = part_of<nlmsghdr>(datagram);
  if (!header || header->nlmsg_len > datagram.size() || header->nlmsg_type == NLMSG_ERROR) return std::nullopt;
  if (header->nlmsg_len < NLMSG_HDRLEN) return std::nullopt;
  const auto bytes = datagram.first(header->nlmsg_len).subspan(NLMSG_HDRLEN);
  const auto message = part_of<ConnectorHead>(bytes);
  if (!message || message->index != CN_IDX_PROC || message->value != CN_VAL_PROC) return std::nullopt;
  const auto event = part_of<proc_event>(bytes.subspan(sizeof(ConnectorHead)));
  if (!event) return std::nullopt;
  ConnectorRecord record;
  record.cpu = event->cpu;
  record.sequence = message->sequence;
  record.answer = message->answer;
  record.at_ns = static_cast<std::int64_t>(event->timestamp_ns);
  note(*event, record);
  return record;
}

}  // namespace galproc
