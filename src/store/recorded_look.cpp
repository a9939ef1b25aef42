#include "store/recorded_look.h"

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>

#include "model/text.h"
#include "store/query_catalogue.h"
#include "store/query_run.h"
#include "store/statement.h"

namespace galproc {

namespace {

/// A named query's answer, read by the names of its columns.
class Answer {
 public:
  Answer(SQLite::Database& database, const char* query)
      : rows_(run_query(database, *QueryCatalogue::built_in().find(query), {})) {
    for (std::size_t i = 0; i < rows_.columns.size(); ++i) place_[rows_.columns[i].name] = i;
  }
  std::size_t size() const { return rows_.rows.size(); }
  template <typename T>
  std::optional<T> get(std::size_t row, const char* column) const {
    const T* value = std::get_if<T>(&rows_.rows[row][place_.at(column)]);
    return value ? std::optional(*value) : std::nullopt;
  }
  std::int64_t number(std::size_t row, const char* column) const { return get<std::int64_t>(row, column).value_or(0); }
  std::string text(std::size_t row, const char* column) const { return get<std::string>(row, column).value_or(""); }

 private:
  RowSet rows_;
  std::map<std::string, std::size_t> place_;
};

/// Fills in what the query of processes does not tell: who it is, and the rest of its latest image.
void complete(Prepared& select, std::int64_t upid, ProcessReading& process, ProcessImage& image) {
  select.rows(
      [&](SQLite::Statement& row) {
        process.key.start_token = row.getColumn(0).getInt64();
        image.executable = optional_text(row.getColumn(1));
        image.working_directory = optional_text(row.getColumn(2));
        image.venv = optional_text(row.getColumn(3));
        image.venv_evidence = optional_text(row.getColumn(4));
        image.service_marker = optional_text(row.getColumn(5));
        image.user_id = optional_number(row.getColumn(6));
      },
      upid);
}

void read_processes(SQLite::Database& database, const HostReading& host, RecordedLook& look) {
  const Answer answer(database, "processes");
  Prepared select(database,
                  "SELECT p.start_token, i.executable, i.working_directory, i.venv, i.venv_evidence, i.service_marker,"
                  " i.uid FROM process AS p LEFT JOIN process_images AS i ON i.upid = p.upid"
                  " WHERE p.upid = ? ORDER BY i.image_no DESC LIMIT 1");
  for (std::size_t row = 0; row < answer.size(); ++row) {
    const std::int64_t upid = answer.number(row, "upid");
    auto image = std::make_shared<ProcessImage>();
    image->name = answer.text(row, "name");
    image->user_name = answer.get<std::string>(row, "user");
    if (const auto line = answer.get<std::string>(row, "command_line")) image->arguments = split_command_line(*line);
    ProcessReading process;
    process.key.pid = answer.number(row, "pid");
    process.parent_pid = answer.number(row, "parent_pid");
    process.started_boot_us = answer.number(row, "started_us") - host.booted_us;
    process.kernel_thread = answer.number(row, "kernel_thread") != 0;
    complete(select, upid, process, *image);
    process.image = std::move(image);
    look.upids.emplace(process.key, upid);
    look.processes.processes.push_back(std::move(process));
  }
}

void read_sockets(SQLite::Database& database, const HostReading& host, RecordedLook& look) {
  std::map<std::int64_t, ProcessKey> key_of;  // by upid
  for (const auto& [key, upid] : look.upids) key_of.emplace(upid, key);
  std::map<std::tuple<std::string, std::string, std::int64_t>, std::size_t> place;
  const Answer answer(database, "ports");
  for (std::size_t row = 0; row < answer.size(); ++row) {
    if (answer.number(row, "network_namespace") != host.network_namespace) continue;
    const std::string protocol = answer.text(row, "protocol"), address = answer.text(row, "address");
    const std::int64_t port = answer.number(row, "port");
    auto& sockets = look.sockets.sockets;
    const auto [known, is_new] = place.emplace(std::tuple(protocol, address, port), sockets.size());
    if (is_new) {
      const Protocol kind = protocol == "tcp" ? Protocol::Tcp : Protocol::Udp;
      sockets.push_back({kind, address, port, host.network_namespace, {}});
    }
    const auto holder = key_of.find(answer.number(row, "upid"));
    if (holder != key_of.end()) sockets[known->second].holders.push_back(holder->second);
  }
}

}  // namespace

std::optional<std::int64_t> newest_look_us(SQLite::Database& database, const HostReading& host) {
  return Prepared(database,
                  "SELECT iif(b.boot_uuid = ? AND b.pid_namespace = ? AND r.network_namespace = ?, t.at_us, NULL)"
                  " FROM tick AS t CROSS JOIN recording AS r ON r.recording_id = t.recording_id"
                  " CROSS JOIN boot AS b ON b.boot_id = r.boot_id"
                  " WHERE t.process_count IS NOT NULL ORDER BY t.tick_id DESC LIMIT 1")
      .number(host.boot_uuid, host.pid_namespace, host.network_namespace);
}

RecordedLook read_newest_look(SQLite::Database& database, const HostReading& host) {
  const SQLite::Transaction one_state(database);  // a recorder may commit at any time
  RecordedLook look;
  look.at_us = newest_look_us(database, host).value_or(0);
  read_processes(database, host, look);
  read_sockets(database, host, look);
  return look;
}

}  // namespace galproc
