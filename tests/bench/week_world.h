#pragma once

// A made-up machine for a simulated week: readings as a platform would give them, on a clock of their own. The same
// seed gives the same week.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "recorder/collector.h"

namespace galproc::bench {

class WeekWorld {
 public:
  static constexpr std::int64_t kSecond = 1'000'000;
  static constexpr std::int64_t kIntervalUs = 5 * kSecond;
  static constexpr std::size_t kResidents = 500;                           ///< processes that live all the time
  static constexpr std::size_t kActive = 25;                               ///< of them change in each tick: 5 %
  static constexpr std::size_t kHot = 40;                                  ///< most of those that change are of these
  static constexpr double kLivesPerTick = 200'000.0 / (7 * 86'400 / 5);    ///< short lives: 200 000 a week
  static constexpr double kSignalsPerTick = 100'000.0 / (7 * 86'400 / 5);  ///< 100 000 a week
  static constexpr std::size_t kListeners = 40;                            ///< residents that listen, on IPv4 and IPv6

  WeekWorld() {
    reading_.clocks = {1'795'000'000 * kSecond, 40'000 * kSecond, 40'000 * kSecond};
    reading_.duration_us = 9'000;
    reading_.processes.emplace();
    reading_.sockets.emplace();
    reading_.system.emplace();
    auto& processes = reading_.processes->processes;
    for (std::size_t i = 0; i < kResidents; ++i) processes.push_back(make_resident(i));
    for (std::size_t i = 0; i < kListeners; ++i) {
      const auto port = static_cast<std::int64_t>(i < 5 ? 22 + 29 * i : 3000 + 137 * i);
      for (const char* address : {"0.0.0.0", "::"}) {
        reading_.sockets->sockets.push_back({Protocol::Tcp, address, port, kNamespace, {processes[150 + i].key}});
      }
    }
    fixed_sockets_ = reading_.sockets->sockets.size();
    begin_system();
  }

  const TickReading& reading() const { return reading_; }
  std::size_t process_count() const { return reading_.processes->processes.size(); }
  std::int64_t lives() const { return lives_; }
  std::int64_t text_bytes() const { return text_bytes_; }  ///< of the images of all short lives
  ProcessKey hot_resident(std::size_t i) const { return reading_.processes->processes[hot(i)].key; }
  ProcessKey quiet_resident(std::size_t i) const { return reading_.processes->processes[hot(i) + 1].key; }
  std::int64_t fixed_port(std::size_t i) const { return reading_.sockets->sockets[2 * (i % kListeners)].port; }

  /// Five seconds go by.
  void step() {
    reading_.clocks.wall_us += kIntervalUs;
    reading_.clocks.boot_us += kIntervalUs;
    reading_.clocks.monotonic_us += kIntervalUs;
    reading_.late_us = below(400);
    reading_.duration_us = 8'500 + below(3'000);
    end_short_lives();
    send_signals();  // before those are born whom no look has met
    work_of_residents();
    begin_short_lives();
    move_ports();
    move_system();
  }

 private:
  static constexpr std::int64_t kNamespace = 4026531840;
  static constexpr std::int64_t kTickUs = 10'000;  // of /proc/PID/stat

  std::int64_t below(std::int64_t limit) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(limit));
  }
  bool chance(double share) { return static_cast<double>(random_() >> 11) * 0x1p-53 < share; }
  std::string hex(std::size_t length) {
    std::string text;
    while (text.size() < length) text += fmt::format("{:016x}", random_());
    return text.substr(0, length);
  }
  /// Spread over the orders of magnitude from `least` to `most`, as counters of processes are: many small, a few huge.
  std::int64_t spread(double least, double most) {
    return static_cast<std::int64_t>(least * std::pow(most / least, static_cast<double>(random_() >> 11) * 0x1p-53));
  }
  /// The index of a resident that is often busy: spread over all kinds.
  static std::size_t hot(std::size_t i) { return 112 + (i % kHot) * 9; }

  static std::vector<std::string> words_of(const std::string& line) {
    std::vector<std::string> words;
    std::size_t at = 0;
    while (at < line.size()) {
      const std::size_t end = std::min(line.find(' ', at), line.size());
      words.push_back(line.substr(at, end - at));
      at = end + 1;
    }
    return words;
  }

  ProcessReading make(std::int64_t pid, std::int64_t parent_pid, std::int64_t started_boot_us) {
    ProcessReading process;
    process.key = {pid, started_boot_us / kTickUs};
    process.parent_pid = parent_pid;
    process.started_boot_us = started_boot_us;
    process.usage.thread_count = 1;
    process.usage.resident_bytes = 4096 * (400 + below(3'000));
    process.usage.read_bytes = 4096 * below(500);
    process.usage.written_bytes = 4096 * below(20);
    return process;
  }

  ProcessReading make_resident(std::size_t i) {
    const auto pid = static_cast<std::int64_t>(i < 110 ? 2 + i : 400 + 7 * i);
    ProcessReading process = make(pid, i == 0 ? 0 : i < 110 ? 2 : 1, static_cast<std::int64_t>(2 + i / 10) * kSecond);
    auto image = std::make_shared<ProcessImage>();
    image->user_id = 0;
    image->user_name = "root";
    ProcessUsage& usage = process.usage;
    usage.cpu_user_us = kTickUs * spread(1, 4e6);  // up to 11 hours
    usage.cpu_system_us = kTickUs * spread(1, 1e6);
    if (i < 110) {
      process.kernel_thread = true;
      image->name = i == 0 ? "kthreadd" : fmt::format("kworker/{}:{}-events", i % 4, i);
      image->cgroup = "/";
      usage.state = ProcessState::Idle;
      usage.cpu_user_us = usage.resident_bytes = 0;
      usage.read_bytes = usage.written_bytes = 0;
      process.image = image;
      return process;
    }
    image->working_directory = "/";
    usage.read_bytes = 4096 * spread(1, 2e7);  // up to 80 GB
    usage.written_bytes = 4096 * spread(1, 4e6);
    const std::string line = become_service(fmt::format("service-{}", i / 6), i, *image, usage);
    take_line(line, *image);
    process.image = image;
    return process;
  }

  /// Fills in what tells the kinds of services apart, and gives the command line.
  std::string become_service(const std::string& service, std::size_t i, ProcessImage& image, ProcessUsage& usage) {
    image.cgroup = "/system.slice/" + service + ".service";
    switch (i % 6) {
      case 0: return fmt::format("/usr/lib/systemd/{0}d --log-level=info --config=/etc/{0}/main.conf", service);
      case 1:
        image.user_name = "postgres";
        image.user_id = 110;
        usage.resident_bytes = 4096 * (5'000 + below(60'000));
        return fmt::format("postgres: 15/main: app app 10.0.0.{}({}) idle", i % 250, 30'000 + i);
      case 2:
        image.user_name = "www-data";
        image.user_id = 33;
        return "nginx: worker process";
      case 3:
        usage.resident_bytes = 4096 * (100'000 + below(300'000));
        usage.thread_count = 30 + below(90);
        return fmt::format(
            "/usr/lib/jvm/java-17-openjdk-amd64/bin/java -Xms512m -Xmx2g -XX:+UseG1GC -XX:MaxGCPauseMillis=200"
            " -Dlog4j.configurationFile=/etc/{0}/log4j2.xml -Djava.io.tmpdir=/var/tmp/{0} -cp /opt/{0}/lib/*"
            " com.example.{0}.Main --spring.profiles.active=production --server.port={1}",
            service, 8'000 + i);
      case 4:
        usage.thread_count = 11;
        usage.resident_bytes = 4096 * (20'000 + below(30'000));
        return fmt::format("node /srv/{}/current/node_modules/.bin/next start --port {} --keepAliveTimeout 65000",
                           service, 3'000 + i);
      default:
        image.venv = "/srv/" + service + "/venv";
        image.venv_evidence = "environment";
        image.working_directory = "/srv/" + service;
        usage.resident_bytes = 4096 * (8'000 + below(20'000));
        return fmt::format("/srv/{0}/venv/bin/python -m gunicorn app.wsgi:application --workers 4 --bind unix:/run/{0}",
                           service);
    }
  }

  static void take_line(const std::string& line, ProcessImage& image) {
    image.arguments = words_of(line);
    image.executable = image.arguments->front();
    image.name = image.executable->substr(image.executable->rfind('/') + 1);
  }

  /// What short lives run: shells, compilers, version control, cron jobs, health checks.
  std::string short_line() {
    switch (below(8)) {
      case 0: return fmt::format("/bin/sh -c cd /srv/app/current && ./bin/rake jobs:work QUEUE=mail BATCH={}", hex(8));
      case 1:
        return fmt::format(
            "/usr/bin/git -c core.quotepath=off fetch --no-tags --prune --depth=20 origin"
            " +{}:refs/remotes/origin/pr/{}",
            hex(40), below(9'000));
      case 2:
        return fmt::format(
            "/usr/lib/gcc/x86_64-linux-gnu/12/cc1plus -quiet -I /builds/group/project/src"
            " -I /builds/group/project/third_party/include -imultiarch x86_64-linux-gnu -D_GNU_SOURCE"
            " -DNDEBUG src/module_{0}/file_{1}.cpp -quiet -dumpbase file_{1}.cpp -O2 -g -std=c++20"
            " -o /tmp/cc{2}.s",
            below(40), below(900), hex(6));
      case 3: return "/usr/sbin/CRON -f -P";
      case 4: return "/usr/bin/curl -sf --max-time 4 http://127.0.0.1:8080/healthz";
      case 5:
        return fmt::format("/usr/bin/python3 /opt/tools/report.py --since @{} --format json --out /var/lib/reports/{}",
                           reading_.clocks.wall_us / kSecond, hex(12));
      case 6: return "/bin/sleep 5";
      default: return fmt::format("/usr/bin/find /var/cache/app -type f -mmin +{} -name *.tmp -delete", below(600));
    }
  }

  std::shared_ptr<const ProcessImage> short_image() {
    auto image = std::make_shared<ProcessImage>();
    const std::string line = short_line();
    take_line(line, *image);
    switch (below(3)) {
      case 0: image->cgroup = "/system.slice/cron.service"; break;
      case 1: image->cgroup = "/system.slice/docker-" + container_ + ".scope"; break;
      default: image->cgroup = fmt::format("/user.slice/user-1000.slice/session-{}.scope", 100 + lives_ / 500);
    }
    constexpr std::array kFolders{"/", "/builds/group/project", "/srv/app/releases/20261122"};
    image->working_directory = kFolders[static_cast<std::size_t>(below(kFolders.size()))];
    const bool root = chance(0.4);
    image->user_id = root ? 0 : 1000;
    image->user_name = root ? "root" : "deploy";
    text_bytes_ +=
        static_cast<std::int64_t>(image->name.size() + image->executable->size() + line.size() + image->cgroup->size() +
                                  image->working_directory->size() + image->user_name->size());
    return image;
  }

  void use(ProcessUsage& usage) {
    usage.cpu_user_us += kTickUs * (1 + below(40));
    if (chance(0.6)) usage.cpu_system_us += kTickUs * (1 + below(12));
    if (chance(0.5)) {
      usage.resident_bytes = std::max<std::int64_t>(4096 * 100, usage.resident_bytes + 4096 * (below(129) - 64));
    }
    if (chance(0.2)) *usage.read_bytes += 4096 * below(256);
    if (chance(0.3)) *usage.written_bytes += 4096 * below(64);
    usage.state = chance(0.05) ? ProcessState::Running : ProcessState::Sleeping;
  }

  void work_of_residents() {
    auto& processes = reading_.processes->processes;
    std::array<bool, kResidents> busy{};
    for (std::size_t done = 0; done < kActive;) {
      const std::size_t i =
          chance(0.6) ? hot(static_cast<std::size_t>(below(kHot))) : static_cast<std::size_t>(below(kResidents));
      if (std::exchange(busy[i], true)) continue;
      ++done;
      if (processes[i].kernel_thread) {
        processes[i].usage.cpu_system_us += kTickUs;
      } else {
        use(processes[i].usage);
      }
    }
  }

  void end_short_lives() {
    auto& processes = reading_.processes->processes;
    processes.erase(std::remove_if(processes.begin() + kResidents, processes.end(),
                                   [&](const ProcessReading&) { return chance(0.5); }),
                    processes.end());
    for (std::size_t i = kResidents; i < processes.size(); ++i) {
      if (chance(0.5)) use(processes[i].usage);
    }
  }

  void begin_short_lives() {
    auto& processes = reading_.processes->processes;
    for (double due = kLivesPerTick * 2; due > 0; due -= 1) {
      if (!chance(0.5 * std::min(due, 1.0))) continue;
      next_pid_ = next_pid_ >= 4'194'303 ? 8'000 : next_pid_ + 1 + below(3);
      ProcessReading process = make(next_pid_, processes[hot(static_cast<std::size_t>(below(kHot)))].key.pid,
                                    reading_.clocks.boot_us - below(kIntervalUs));
      process.usage.cpu_user_us = kTickUs * below(30);
      process.usage.cpu_system_us = kTickUs * below(10);
      process.image = short_image();
      process.peak_resident_bytes = process.usage.resident_bytes;
      processes.push_back(std::move(process));
      ++lives_;
    }
  }

  void move_ports() {
    auto& sockets = reading_.sockets->sockets;
    while (sockets.size() > fixed_sockets_ && chance(0.1)) sockets.pop_back();
    if (!chance(1.0 / 24)) return;  // one in two minutes
    const ProcessKey holder = reading_.processes->processes[hot(static_cast<std::size_t>(below(kHot)))].key;
    sockets.push_back(
        {chance(0.5) ? Protocol::Tcp : Protocol::Udp, "127.0.0.1", 32'768 + below(28'000), kNamespace, {holder}});
  }

  /// Most go from a service to a short life: to stop it, or to ask whether it is there; some are refused, some a
  /// timer's.
  void send_signals() {
    EventReading& events = reading_.events;
    events = {reading_.clocks, reading_.clocks.wall_us - kIntervalUs, {}, 0};
    if (!chance(kSignalsPerTick)) return;
    const auto& processes = reading_.processes->processes;
    SignalEvent signal;
    signal.sender = party(processes[hot(static_cast<std::size_t>(below(kHot)))]);
    signal.target = party(processes[kResidents < processes.size() && chance(0.7)
                                        ? kResidents + static_cast<std::size_t>(below(
                                                           static_cast<std::int64_t>(processes.size() - kResidents)))
                                        : hot(static_cast<std::size_t>(below(kHot)))]);
    signal.target_pid = signal.target->key.pid;
    constexpr std::array kSignals{15, 9, 1, 10, 2, 14};
    signal.signal = kSignals[static_cast<std::size_t>(below(kSignals.size()))];
    signal.code = 0;
    signal.to_group = true;
    signal.disposition = SignalEvent::Disposition::Handles;
    if (signal.signal == 14) signal.origin = SignalEvent::Origin::Kernel;
    if (chance(0.05)) {
      signal.target.reset();
      signal.result = SignalEvent::Result::Refused;
      signal.error = 1;
      signal.code.reset();
      signal.disposition.reset();
    }
    events.events.push_back({reading_.clocks.boot_us - below(kIntervalUs), signal});
  }

  static EventParty party(const ProcessReading& process) {
    EventParty party;
    party.key = process.key;
    party.started_boot_us = process.started_boot_us;
    party.parent_pid = process.parent_pid;
    party.user_id = process.image->user_id;
    party.user_name = process.image->user_name;
    party.name = process.image->name.substr(0, 15);
    party.kernel_thread = process.kernel_thread;
    return party;
  }

  void begin_system() {
    SystemReading& system = *reading_.system;
    system.cpu_busy_us = 9'000 * kSecond;
    system.cpu_total_us = 160'000 * kSecond;
    system.cpu_count = 4;
    system.memory_total_bytes = 33'500'000'000;
    system.swap_total_bytes = 4'294'963'200;
    system.swap_used_bytes = 0;
    system.disk_total_bytes = 512'000'000'000;
    system.disk_used_bytes = 200'000'000'000;
    system.received_bytes = 40'000'000'000;
    system.sent_bytes = 30'000'000'000;
    system.cpu_pressure_us = 70 * kSecond;
    system.memory_pressure_us = 0;
    system.io_pressure_us = 40 * kSecond;
    move_system();
  }

  void move_system() {
    SystemReading& system = *reading_.system;
    *system.cpu_busy_us += kTickUs * below(400);
    *system.cpu_total_us += 4 * kIntervalUs;
    system.memory_available_bytes = 20'000'000'000 - 4096 * below(500'000);
    *system.disk_used_bytes += 4096 * below(60);
    *system.received_bytes += below(3'000'000);
    *system.sent_bytes += below(2'000'000);
    system.load_1m = static_cast<double>(below(400)) / 100;
    *system.cpu_pressure_us += below(60'000);
    *system.io_pressure_us += below(20'000);
  }

  std::mt19937_64 random_{20261122};
  TickReading reading_;
  std::size_t fixed_sockets_ = 0;
  std::int64_t next_pid_ = 8'000;
  std::int64_t lives_ = 0;
  std::int64_t text_bytes_ = 0;
  std::string container_ = hex(64);
};

}  // namespace galproc::bench
