#include "store/service_rows.h"

namespace galproc {

std::vector<LoggedService> services_named(SQLite::Database& database, const HostReading& host,
                                          const std::string& name) {
  std::vector<LoggedService> services;
  Prepared select(database,
                  "SELECT v.service_id, v.marker, p.pid, p.start_token, b.boot_uuid, b.pid_namespace, v.cgroup"
                  " FROM service AS v JOIN process AS p ON p.upid = v.upid JOIN boot AS b ON b.boot_id = p.boot_id"
                  " WHERE v.name = ? ORDER BY v.service_id");
  select.rows(
      [&](SQLite::Statement& row) {
        const bool this_boot =
            row.getColumn(4).getString() == host.boot_uuid && row.getColumn(5).getInt64() == host.pid_namespace;
        services.push_back({row.getColumn(0).getInt64(),
                            row.getColumn(1).getString(),
                            {row.getColumn(2).getInt64(), row.getColumn(3).getInt64()},
                            this_boot,
                            optional_text(row.getColumn(6))});
      },
      name);
  return services;
}

}  // namespace galproc
