// Two pipes tie the child to galproc until its program runs. By one it waits to be released: the end of that pipe,
// which galproc's death is too, ends the child. By the other it tells how far it came; that one closes when its program
// runs. Between fork and exec only what is allowed in a signal handler is called: everything is made ready before.

#include "platform/linux/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <vector>

#include "model/errors.h"
#include "platform/linux/errors.h"
#include "platform/linux/proc_text.h"
#include "platform/posix/descriptor.h"
#include "platform/posix/files.h"

namespace galproc {

namespace {

/// How far the child came, or what it failed at.
enum class Step : int { Waits, WaitsInGroup, Session, Streams, Limits, Folder, Run };

struct Report {
  Step step = Step::Waits;
  int code = 0;  ///< 0: it did not fail
};

struct Pipe {
  Descriptor out, in;
};

Pipe make_pipe() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    throw PlatformError("No pipe can be made: " + error_text(errno) + "; raise the limit of open files.", errno);
  }
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

Descriptor open_log(const std::filesystem::path& path) {
  if (!file_identity(path)) make_shared_file(path);
  // Not to wait for a reader where it is a named pipe.
  Descriptor file(::open(path.c_str(), O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  if (!file) throw PlatformError("The log " + path.string() + " cannot be opened: " + error_text(errno) + ".", errno);
  ::fcntl(file.get(), F_SETFL, O_APPEND);
  return file;
}

struct Limit {
  int resource = 0;
  rlimit value{};
};

std::vector<Limit> limits_of(const SpawnRequest& request, const rlimit& file_limit) {
  std::vector<Limit> limits{{RLIMIT_NOFILE, file_limit}};
  const auto add = [&](int resource, const std::optional<std::int64_t>& most) {
    if (most) limits.push_back({resource, {static_cast<rlim_t>(*most), static_cast<rlim_t>(*most)}});
  };
  add(RLIMIT_NOFILE, request.open_files);
  add(RLIMIT_NPROC, request.user_processes);
  add(RLIMIT_AS, request.address_space_bytes);
  return limits;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// Everything that the child needs, made by its parent.
struct Launch {
  std::string program, folder;
  std::vector<std::string> arguments, environment;
  std::vector<char*> argument_pointers, environment_pointers;
  std::vector<Limit> limits;
  Descriptor null, log, group;
  Pipe release, reports;
};

void tell(const Launch& launch, Report report) {
  // Whoever is to hear of it may be gone: then the other pipe ends it.
  [[maybe_unused]] const auto written = ::write(launch.reports.in.get(), &report, sizeof report);
}

[[noreturn]] void give_up(const Launch& launch, Step step) {
  tell(launch, {step, errno});
  ::_exit(127);
}

void reset_signals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int number = 1; number <= SIGRTMAX; ++number) ::sigaction(number, &action, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

bool await_release(const Launch& launch) {
  char byte = 0;
  ssize_t got = 0;
  do {
    got = ::read(launch.release.out.get(), &byte, 1);
  } while (got < 0 && errno == EINTR);
  return got == 1;
}

[[noreturn]] void be_child(Launch& launch) {
  // Galproc's own end of the pipe would keep it open for ever.
  ::close(launch.release.in.get());
  reset_signals();
  if (::setsid() < 0) give_up(launch, Step::Session);
  for (const int stream : {STDOUT_FILENO, STDERR_FILENO}) {
    if (::dup2(launch.log.get(), stream) < 0) give_up(launch, Step::Streams);
  }
  if (::dup2(launch.null.get(), STDIN_FILENO) < 0) give_up(launch, Step::Streams);
  // What somebody left open without close-on-exec, and galproc inherited. Linux 5.11; older ones keep such descriptors.
  constexpr unsigned kFirst = 3, kCloseOnExec = 4;  // CLOSE_RANGE_CLOEXEC
  ::syscall(SYS_close_range, kFirst, ~0U, kCloseOnExec);
  const bool in_group = launch.group && ::write(launch.group.get(), "0", 1) == 1;
  if (::chdir(launch.folder.c_str()) != 0) give_up(launch, Step::Folder);
  for (const Limit& limit : launch.limits) {
    if (::setrlimit(static_cast<__rlimit_resource_t>(limit.resource), &limit.value) != 0) give_up(launch, Step::Limits);
  }
  tell(launch, {in_group ? Step::WaitsInGroup : Step::Waits, 0});
  if (!await_release(launch)) ::_exit(0);
  ::execve(launch.program.c_str(), launch.argument_pointers.data(), launch.environment_pointers.data());
  give_up(launch, Step::Run);
}

std::string sentence_of(const Report& report, const Launch& launch) {
  const std::string why = ": " + error_text(report.code) + ".";
  switch (report.step) {
    case Step::Session: return "The program got no session of its own" + why;
    case Step::Streams: return "The program's output cannot be sent to its log" + why;
    case Step::Limits: return "A limit cannot be set" + why + " Only root may raise one above the limit it has.";
    case Step::Folder: return "The working directory " + launch.folder + " cannot be entered" + why;
    default: break;
  }
  return launch.program + " cannot be run" + why;
}

class Child : public WaitingProcess {
 public:
  Child(pid_t pid, std::unique_ptr<Launch> launch, std::int64_t boottime_offset_ticks)
      : pid_(pid), launch_(std::move(launch)) {
    launch_->release.out.reset();
    launch_->reports.in.reset();
    const Report report = next_report().value_or(Report{Step::Session, ECHILD});
    if (report.code != 0) throw PlatformError(sentence_of(report, *launch_), report.code);
    in_group_ = report.step == Step::WaitsInGroup;
    const Descriptor file(::open(("/proc/" + std::to_string(pid) + "/stat").c_str(), O_RDONLY | O_CLOEXEC));
    std::string text;
    if (file) read_whole(file.get(), text, 4096);
    const auto line = parse_stat(text);
    if (!line) throw PlatformError("The new process " + std::to_string(pid) + " cannot be seen in /proc.", ENOENT);
    key_ = {line->pid, line->start_ticks - boottime_offset_ticks};
  }
  ~Child() override { end(); }

  const ProcessKey& key() const override { return key_; }
  bool is_in_group() const override { return in_group_; }

  void release() override {
    const char byte = 1;
    const ssize_t written = ::write(launch_->release.in.get(), &byte, 1);
    const auto failure = written == 1 ? next_report() : Report{Step::Run, errno};
    if (failure) throw PlatformError(sentence_of(*failure, *launch_), failure->code);
    runs_ = true;
  }

  /// Also of one whose constructor threw.
  static void reap(pid_t pid, bool at_once) {
    while (::waitpid(pid, nullptr, at_once ? WNOHANG : 0) < 0 && errno == EINTR) {
    }
  }

 private:
  /// Empty: its program runs, or it has ended without a word.
  std::optional<Report> next_report() {
    Report report;
    ssize_t got = 0;
    do {
      got = ::read(launch_->reports.out.get(), &report, sizeof report);
    } while (got < 0 && errno == EINTR);
    return got == static_cast<ssize_t>(sizeof report) ? std::optional(report) : std::nullopt;
  }
  void end() {
    launch_->release.in.reset();
    reap(pid_, runs_);
  }

  pid_t pid_;
  std::unique_ptr<Launch> launch_;
  ProcessKey key_;
  bool in_group_ = false;
  bool runs_ = false;
};

std::unique_ptr<Launch> prepare(const SpawnRequest& request, const rlimit& file_limit) {
  auto launch = std::make_unique<Launch>();
  launch->program = request.program.string();
  launch->folder = request.working_directory.string();
  launch->arguments = request.arguments;
  launch->environment = request.environment;
  launch->argument_pointers = pointers_to(launch->arguments);
  launch->environment_pointers = pointers_to(launch->environment);
  launch->limits = limits_of(request, file_limit);
  launch->log = open_log(request.log_path);
  launch->null = Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!launch->null) throw PlatformError("/dev/null cannot be opened: " + error_text(errno) + ".", errno);
  if (request.group) {
    launch->group = Descriptor(::open((*request.group + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
  }
  launch->release = make_pipe();
  launch->reports = make_pipe();
  return launch;
}

}  // namespace

std::unique_ptr<WaitingProcess> spawn(const SpawnRequest& request, const rlimit& file_limit,
                                      std::int64_t boottime_offset_ticks) {
  auto launch = prepare(request, file_limit);
  // A signal that comes between fork and its reset would run galproc's handler in the child.
  sigset_t all, before;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::fork();
  const int code = errno;
  if (pid == 0) be_child(*launch);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) throw PlatformError("No process can be made: " + error_text(code) + ".", code);
  try {
    return std::make_unique<Child>(pid, std::move(launch), boottime_offset_ticks);
  } catch (const PlatformError&) {
    // Its pipe is closed by now: it ends.
    Child::reap(pid, false);
    throw;
  }
}

}  // namespace galproc
