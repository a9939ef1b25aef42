#include "store/upids.h"

namespace galproc {

Upids::Upids(SQLite::Database& database, const HostReading& host)
    : boot_id_(Prepared(database, "SELECT boot_id FROM boot WHERE boot_uuid = ? AND pid_namespace = ?")
                   .number(host.boot_uuid, host.pid_namespace)),
      select_(database, "SELECT upid FROM process WHERE pid = ? AND start_token = ? AND boot_id = ?") {}

std::optional<std::int64_t> Upids::of(const ProcessKey& key) {
  return boot_id_ ? select_.number(key.pid, key.start_token, *boot_id_) : std::nullopt;
}

}  // namespace galproc
