#include "store/process_store.h"

#include <functional>
#include <utility>

#include "model/own_arguments.h"
#include "model/text.h"

namespace galproc {

namespace {

std::string cleaned(const std::string& bytes, bool& truncated) {
  CleanText clean = clean_utf8(bytes);
  truncated = truncated || clean.truncated;
  return std::move(clean.text);
}

std::optional<std::string> cleaned(const std::optional<std::string>& bytes, bool& truncated) {
  return bytes ? std::optional(cleaned(*bytes, truncated)) : std::nullopt;
}

}  // namespace

ImageRow stored_image(const ProcessImage& image, const Redactor* redactor) {
  ImageRow row;
  row.name = cleaned(image.name.empty() ? "?" : image.name, row.truncated);  // a thread may give itself an empty one
  row.executable = cleaned(image.executable, row.truncated);
  if (image.arguments) {
    row.truncated = row.truncated || image.arguments_truncated;
    // Redacted before it is joined and quoted: where one argument ends is what tells a secret from its neighbour.
    std::vector<std::string> arguments = without_env_values(*image.arguments);
    if (redactor) arguments = redactor->redact(std::move(arguments), image.arguments_truncated);
    row.command_line = cleaned(join_command_line(arguments), row.truncated);
  }
  row.cgroup = cleaned(image.cgroup, row.truncated);
  row.working_directory = cleaned(image.working_directory, row.truncated);
  row.venv = cleaned(image.venv, row.truncated);
  row.venv_evidence = image.venv_evidence;
  row.service_marker = cleaned(image.service_marker, row.truncated);
  row.uid = image.user_id;
  row.user = cleaned(image.user_name, row.truncated);
  return row;
}

ProcessStore::ProcessStore(SQLite::Database& database)
    : database_(database),
      // Not OR IGNORE, which would swallow a broken CHECK or NOT NULL too.
      insert_process_(database,
                      "INSERT INTO process (boot_id, pid, start_token, started_us, kernel_thread, source, met_after_us,"
                      " parent_upid, parent_pid) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
                      " ON CONFLICT (pid, start_token, boot_id) DO NOTHING RETURNING upid"),
      select_process_(database, "SELECT upid FROM process WHERE pid = ? AND start_token = ? AND boot_id = ?"),
      insert_parent_(database,
                     "INSERT INTO process_parent (upid, at_us, source, parent_upid, parent_pid, tick_id)"
                     " VALUES (?, ?, ?, ?, ?, ?)"
                     " ON CONFLICT (upid, at_us, source) DO NOTHING"),
      select_parent_(database,
                     "SELECT parent_pid FROM (SELECT at_us, source, parent_pid FROM process_parent WHERE upid = ?1"
                     " UNION ALL SELECT started_us + met_after_us, source, parent_pid FROM process"
                     " WHERE upid = ?1 AND parent_pid IS NOT NULL) ORDER BY at_us DESC, source DESC LIMIT 1"),
      insert_text_(database, "INSERT INTO text (value) VALUES (?) RETURNING text_id"),
      select_text_(database, "SELECT text_id FROM text WHERE value = ?"),
      insert_image_(database,
                    "INSERT INTO process_image (upid, image_no, at_us, name, executable_text_id, command_line,"
                    " truncated, cgroup_text_id, working_directory_text_id, venv_text_id, venv_evidence,"
                    " service_marker, uid, user_text_id, command_line_text_id, tick_id)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      inherit_image_(database,
                     "INSERT INTO process_image (upid, image_no, at_us, name, executable_text_id, command_line,"
                     " truncated, cgroup_text_id, working_directory_text_id, venv_text_id, venv_evidence,"
                     " service_marker, uid, user_text_id, command_line_text_id, tick_id)"
                     " SELECT ?1, 1, ?3, name, executable_text_id, command_line, truncated, cgroup_text_id,"
                     " working_directory_text_id, venv_text_id, venv_evidence, service_marker, uid, user_text_id,"
                     " command_line_text_id, ?4 FROM process_image WHERE upid = ?2 ORDER BY image_no DESC LIMIT 1"),
      delete_image_(database, "DELETE FROM process_image WHERE upid = ? AND image_no = ?"),
      select_image_(database,
                    "SELECT image_no, name, executable, command_line, truncated, cgroup, working_directory, venv,"
                    " venv_evidence, service_marker, uid, user, at_us"
                    " FROM process_images WHERE upid = ? ORDER BY image_no DESC LIMIT 1"),
      insert_exit_(
          database,
          "INSERT INTO process_exit (upid, source, tick_id, ended_us, ended_within_us, exit_code, exit_signal,"
          " cpu_user_us, cpu_system_us, peak_resident_kib, read_bytes, written_bytes, final,"
          " core_dumped) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (upid, source) DO NOTHING"),
      select_seen_exit_(database, "SELECT 1 FROM process_exit WHERE upid = ? AND source <= ?"),
      delete_concluded_exit_(database, "DELETE FROM process_exit WHERE upid = ? AND source >= ?") {}

std::int64_t ProcessStore::boot_id_of(const HostReading& host) {
  Prepared insert(database_,
                  "INSERT INTO boot (boot_uuid, pid_namespace, booted_us, host_name, system, release)"
                  " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (boot_uuid, pid_namespace) DO NOTHING");
  insert.run(host.boot_uuid, host.pid_namespace, host.booted_us, host.host_name, host.system, host.release);
  Prepared select(database_, "SELECT boot_id FROM boot WHERE boot_uuid = ? AND pid_namespace = ?");
  return select.number(host.boot_uuid, host.pid_namespace).value();
}

ProcessStore::Identity ProcessStore::upid_of(std::int64_t boot_id, const FirstSight& sight) {
  const ProcessKey& key = sight.key;
  if (const auto upid =
          insert_process_.number(boot_id, key.pid, key.start_token, sight.started_us, sight.kernel_thread, sight.source,
                                 sight.met_us - sight.started_us, sight.parent_upid, sight.parent_pid)) {
    return {*upid, true};
  }
  return {select_process_.number(key.pid, key.start_token, boot_id).value(), false};
}

void ProcessStore::add_parent(std::int64_t upid, std::int64_t at_us, Witness source,
                              std::optional<std::int64_t> parent_upid, std::int64_t parent_pid) {
  insert_parent_.run(upid, at_us, source, parent_upid, parent_pid, tick_id_);
}

std::optional<std::int64_t> ProcessStore::last_parent_pid(std::int64_t upid) {
  return select_parent_.number(upid);
}

void ProcessStore::add_image(std::int64_t upid, std::int64_t image_no, std::int64_t at_us, const ImageRow& image) {
  const auto line_id = text_id_of_repeated(image.command_line);
  insert_image_.run(upid, image_no, at_us, image.name, text_id_of(image.executable),
                    line_id ? std::nullopt : image.command_line, image.truncated, text_id_of(image.cgroup),
                    text_id_of(image.working_directory), text_id_of(image.venv), image.venv_evidence,
                    image.service_marker, image.uid, text_id_of(image.user), line_id, tick_id_);
}

void ProcessStore::remove_image(std::int64_t upid, std::int64_t image_no) {
  delete_image_.run(upid, image_no);
}

bool ProcessStore::inherit_image(std::int64_t upid, std::int64_t parent_upid, std::int64_t at_us) {
  return inherit_image_.run(upid, parent_upid, at_us, tick_id_) > 0;
}

std::optional<std::int64_t> ProcessStore::text_id_of(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  const auto known = select_text_.number(*text);
  return known ? known : insert_text_.number(*text);
}

std::optional<std::int64_t> ProcessStore::text_id_of_repeated(const std::optional<std::string>& text) {
  // A shared text is stored twice, in its table and in the index that finds it again: of one that never comes again
  // that would be twice too often. So it is shared when it comes for the second time among the last few thousand.
  constexpr std::size_t kRemembered = 4096;
  if (!text) return std::nullopt;
  if (const auto known = select_text_.number(*text)) return known;
  if (once_seen_.erase(std::hash<std::string>{}(*text)) > 0) return insert_text_.number(*text);
  if (once_seen_.size() >= kRemembered) once_seen_.clear();
  once_seen_.insert(std::hash<std::string>{}(*text));
  return std::nullopt;
}

ProcessStore::NumberedImage ProcessStore::last_image(std::int64_t upid) {
  NumberedImage last;
  select_image_.rows(
      [&](SQLite::Statement& row) {
        last.image_no = row.getColumn(0).getInt64();
        last.at_us = row.getColumn(12).getInt64();
        last.image = {
            row.getColumn(1).getString(),       optional_text(row.getColumn(2)), optional_text(row.getColumn(3)),
            row.getColumn(4).getInt() != 0,     optional_text(row.getColumn(5)), optional_text(row.getColumn(6)),
            optional_text(row.getColumn(7)),    optional_text(row.getColumn(8)), optional_text(row.getColumn(9)),
            optional_number(row.getColumn(10)), optional_text(row.getColumn(11))};
      },
      upid);
  return last;
}

void ProcessStore::add_exit(std::int64_t upid, const ExitRow& exit) {
  std::optional<std::int64_t> code, signal, cpu_user_us, cpu_system_us, read_bytes, written_bytes, within_us, peak_kib,
      core_dumped;
  if (exit.ended_after_us) within_us = exit.ended_us - *exit.ended_after_us;
  if (exit.peak_resident_bytes) peak_kib = *exit.peak_resident_bytes / 1024;
  if (exit.wait_status) {
    const std::int64_t signal_number = *exit.wait_status & 0x7f;
    core_dumped = *exit.wait_status >> 7 & 1;
    if (signal_number != 0) {
      signal = signal_number;
    } else {
      code = *exit.wait_status >> 8 & 0xff;
    }
  }
  if (exit.usage) {
    cpu_user_us = exit.usage->cpu_user_us;
    cpu_system_us = exit.usage->cpu_system_us;
    read_bytes = exit.usage->read_bytes;
    written_bytes = exit.usage->written_bytes;
  }
  insert_exit_.run(upid, exit.source, exit.tick_id, exit.ended_us, within_us, code, signal, cpu_user_us, cpu_system_us,
                   peak_kib, read_bytes, written_bytes, exit.final, core_dumped);
}

bool ProcessStore::has_seen_exit(std::int64_t upid) {
  return select_seen_exit_.number(upid, Witness::Poll).has_value();
}

bool ProcessStore::has_told_exit(std::int64_t upid) {
  return select_seen_exit_.number(upid, Witness::Event).has_value();
}

void ProcessStore::take_back_concluded_exit(std::int64_t upid) {
  delete_concluded_exit_.run(upid, Witness::Gap);
}

}  // namespace galproc
