// What a process runs, read once at its birth and at each exec. Of the environment nothing is kept but the virtual
// environment's folder and galproc's own marker: it is where secrets live.

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "platform/linux/processes.h"

namespace galproc {

namespace {

constexpr std::size_t kArgumentLimit = 64 * 1024;
constexpr std::size_t kEnvironmentLimit = 1024 * 1024;

/// A kernel worker shows its present work behind its own name: "kworker/u8:2-events_unbound".
std::string worker_name(const std::string& comm) {
  const std::size_t colon = comm.find(':');
  return comm.starts_with("kworker/") && colon != std::string::npos ? comm.substr(0, comm.find_first_of("-+", colon))
                                                                    : comm;
}

/// One that is on its way out has none any more.
bool has_memory(const StatLine& line, bool kernel_thread) {
  constexpr std::uint64_t kExiting = 0x4;  // PF_EXITING
  return !kernel_thread && line.state != 'Z' && line.state != 'X' && (line.flags & kExiting) == 0;
}

}  // namespace

std::shared_ptr<const ProcessImage> ProcessReader::image_of(const ProcessKey& key) {
  return look_at(key).image;
}

ProcessReader::Look ProcessReader::look_at(const ProcessKey& key) {
  Look look;
  if (!folder_) folder_.reset(::opendir(options_.proc_root.c_str()));
  if (!folder_) return look;
  Entry entry;
  if (update(key.pid, entry, Cause::Image) == Outcome::Read && entry.reading.key == key) {
    look = {entry.reading.image, entry.reading.peak_resident_bytes, entry.signature, entry.denials,
            entry.image_incomplete};
  }
  forget(entry);
  return look;
}

bool ProcessReader::may_live(const ProcessKey& key) {
  if (::kill(static_cast<pid_t>(key.pid), 0) != 0 && errno == ESRCH) return false;
  Descriptor stat;
  // Not there, though its pid is: hidden (hidepid).
  if (!folder_ || open_at(::dirfd(folder_.get()), (std::to_string(key.pid) + "/stat").c_str(), stat) != 0) return true;
  const auto line = read_text(stat.get()) == 0 ? parse_stat(text_) : std::nullopt;
  return line && line->start_ticks - options_.boottime_offset_ticks == key.start_token;
}

bool ProcessReader::is_other_image(const Signature& before, const Signature& now) {
  if (before.owner != now.owner) return true;
  // To those who may not know them, and for a process that forbids it, the kernel shows 0 for the stack and 1 for the
  // code: then the name has to do.
  if (before.start_stack == 0 || now.start_stack == 0) return before.comm != now.comm;
  return before.start_code != now.start_code || before.start_stack != now.start_stack ||
         before.argument_start != now.argument_start;
}

std::shared_ptr<const ProcessImage> ProcessReader::read_steady_image(int folder, int stat, StatLine& line,
                                                                     Entry& entry) {
  const bool kernel_thread = entry.reading.kernel_thread;
  // An exec in the midst of the reading would mix two programs: read again when the process has changed meanwhile, or
  // is still at it. Who never comes to rest is taken as it is: its next look is another one, and is read again.
  for (int attempt = 1;; ++attempt) {
    auto image = read_image(folder, line, entry);
    const auto after = read_text(stat) == 0 ? parse_stat(text_) : std::nullopt;
    if (!after || attempt == 5) return image;
    // To those who may not know, the kernel shows 1 whether an exec is going on or not; without arguments it may be.
    const bool in_exec = is_in_exec(*after, kernel_thread) || (shows_layout_ && has_memory(*after, kernel_thread) &&
                                                               after->start_code == 1 && !image->arguments);
    if (!in_exec && after->comm == line.comm && after->start_code == line.start_code &&
        after->start_stack == line.start_stack) {
      return image;
    }
    if (in_exec) ::usleep(1000);
    line = *after;
  }
}

bool ProcessReader::is_in_exec(const StatLine& line, bool kernel_thread) const {
  // The kernel takes the new memory into use, lays out stack and arguments, and only then says where the code lies.
  return shows_layout_ && has_memory(line, kernel_thread) && line.start_code == 0;
}

std::shared_ptr<const ProcessImage> ProcessReader::read_image(int folder, const StatLine& line, Entry& entry) {
  const bool kernel_thread = entry.reading.kernel_thread;
  Denials& denials = entry.denials;
  auto image = std::make_shared<ProcessImage>();
  if (const auto text = read_file(folder, ProcessFile::Status, 16384, denials)) {
    const StatusFields status = parse_status(*text);
    image->user_id = status.effective_uid;
    entry.reading.peak_resident_bytes = status.peak_resident_bytes;
  }
  if (image->user_id) image->user_name = user_name(*image->user_id);
  if (const auto text = read_file(folder, ProcessFile::Cgroup, 65536, denials)) image->cgroup = parse_cgroup(*text);
  if (has_memory(line, kernel_thread)) {
    image->executable = read_link(folder, ProcessFile::Executable, denials);
    image->working_directory = read_link(folder, ProcessFile::WorkingDirectory, denials);
    if (const auto text =
            read_file(folder, ProcessFile::Arguments, kArgumentLimit, denials, &image->arguments_truncated)) {
      // Nothing at all, and no place where it would stand (yet): not readable rather than empty.
      if (!text->empty() || (line.argument_start != 0 && !is_in_exec(line, kernel_thread)))
        image->arguments = split_arguments(*text);
    }
    const auto environment = read_file(folder, ProcessFile::Environment, kEnvironmentLimit, denials);
    if (environment) {
      image->service_marker = find_variable(*environment, "GALPROC_SERVICE");
      image->venv = find_variable(*environment, "VIRTUAL_ENV");
      if (image->venv && image->venv->empty()) image->venv.reset();
      if (image->venv) image->venv_evidence = "environment";
    }
  }
  image->name = kernel_thread ? worker_name(line.comm) : complete_name(line.comm, image->executable, image->arguments);
  return image;
}

std::optional<std::string> ProcessReader::user_name(std::int64_t uid) {
  // Names come from /etc/passwd or a directory server: kept for a while, not for ever, since uids are given out again.
  constexpr std::int64_t kSteps = 64;
  if (turns_.step() - names_since_step_ >= kSteps) {
    user_names_.clear();
    names_since_step_ = turns_.step();
  }
  const auto known = user_names_.find(uid);
  if (known != user_names_.end()) return known->second;
  std::optional<std::string> name;
  passwd entry{};
  passwd* found = nullptr;
  std::string buffer(16384, '\0');
  if (::getpwuid_r(static_cast<uid_t>(uid), &entry, buffer.data(), buffer.size(), &found) == 0 && found) {
    name = found->pw_name;
  }
  user_names_.emplace(uid, name);
  return name;
}

}  // namespace galproc
