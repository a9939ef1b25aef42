#include "recorder/system_collector.h"

namespace galproc {

SystemCollector::SystemCollector(SQLite::Database& database)
    : insert_(database,
              "INSERT INTO system_sample (tick_id, cpu_busy_us, cpu_total_us, cpu_count, memory_total_bytes,"
              " memory_available_bytes, swap_total_bytes, swap_used_bytes, disk_total_bytes, disk_used_bytes,"
              " received_bytes, sent_bytes, load_1m, cpu_pressure_us, memory_pressure_us, io_pressure_us)"
              " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)") {}

void SystemCollector::write(const TickReading& reading, const Tick& tick) {
  if (!reading.system) return;
  const SystemReading& system = *reading.system;
  insert_.run(tick.tick_id, system.cpu_busy_us, system.cpu_total_us, system.cpu_count, system.memory_total_bytes,
              system.memory_available_bytes, system.swap_total_bytes, system.swap_used_bytes, system.disk_total_bytes,
              system.disk_used_bytes, system.received_bytes, system.sent_bytes, system.load_1m, system.cpu_pressure_us,
              system.memory_pressure_us, system.io_pressure_us);
}

}  // namespace galproc
