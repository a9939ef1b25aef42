#!/usr/bin/env python3
"""CPU time per sample of galproc record and of other recorders, and galproc's memory.

  peers.py cpu GALPROC      rows of the table of scripts/bench.sh: galproc against each peer that is there
  peers.py memory GALPROC   one row: the memory that a recorder holds

What is looked at is whatever runs here: tests/bench/sleepers makes the process table as large as wanted. A sample's
price is the difference of a run with many samples and one with few, divided by the samples: starting up and the first
look fall out. Figures are user + system time as wait4 gives them, medians of several rounds in which all take turns.
"""

import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

FEW, MANY = 2, 10
ROUNDS = 3
FALLBACK_AGAINST_ATOP = 1 / 8  # DESIGN.md 7
MOST_RESIDENT_MIB = 15         # DESIGN.md 7

PSUTIL_LOOP = """
import sys, time, psutil
attributes = ["pid", "ppid", "name", "username", "status", "create_time", "cpu_times", "memory_info", "num_threads",
              "cmdline"]
for n in range(int(sys.argv[1])):
    if n:
        time.sleep(1)
    for process in psutil.process_iter(attributes):
        process.info
"""

running = None


def print_row(*cells):
    print("| " + " | ".join(cells) + " |", flush=True)


def start(command):
    global running
    # Without process accounting, which atop would switch on for the whole machine.
    environment = dict(os.environ, ATOPACCT="", LC_ALL="C", TERM="dumb")
    running = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, env=environment)
    return running


def cpu_seconds(command):
    """User and system time of a run, its children's included."""
    global running
    process = start(command)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    running = None
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}: {said.decode(errors='replace').strip()}")
    return usage.ru_utime + usage.ru_stime


def python_with_psutil():
    for python in (sys.executable, "/usr/bin/python3"):
        if os.path.exists(python) and subprocess.run([python, "-c", "import psutil"], stderr=subprocess.DEVNULL,
                                                     check=False).returncode == 0:
            return python
    return None


def recorders(galproc, folder):
    """Name, and what runs it for n samples, a second apart; None: it is not there."""
    file = os.path.join(folder, "file")
    python = python_with_psutil()
    found = {
        "galproc record": lambda n: [galproc, "record", "-q", "--db", file + ".db", "--interval", "1s", "--samples", str(n)],
        "atop -w": lambda n: ["atop", "-w", file + ".atop", "1", str(n)],
        "top -b": lambda n: ["top", "-b", "-d", "1", "-n", str(n)],
        "pidstat -urd -h -p ALL": lambda n: ["pidstat", "-urd", "-h", "-p", "ALL", "1", str(n)],
        "psutil process_iter, 10 attributes": lambda n: [python, "-c", PSUTIL_LOOP, str(n)],
    }
    for name in list(found)[1:]:
        there = python if name.startswith("psutil") else shutil.which(name.split()[0])
        if not there:
            found[name] = None
    return found


def remove_files(folder):
    for name in os.listdir(folder):
        os.remove(os.path.join(folder, name))


def measure_cpu(galproc, folder):
    found = recorders(galproc, folder)
    figures = {name: [] for name, command in found.items() if command}
    failed = {}
    for _ in range(ROUNDS):
        for name in figures:
            if name in failed:
                continue
            try:
                seconds = []
                for samples in (FEW, MANY):
                    seconds.append(cpu_seconds(found[name](samples)))
                    remove_files(folder)
                figures[name].append((seconds[1] - seconds[0]) / (MANY - FEW) * 1e3)
            except (RuntimeError, OSError) as error:
                failed[name] = str(error)
    ours, *peers = found
    if ours in failed:
        raise RuntimeError(failed[ours])
    processes = sum(name.isdigit() for name in os.listdir("/proc"))
    own = statistics.median(figures[ours])
    figure = f"{own:.1f} ms ({min(figures[ours]):.1f}-{max(figures[ours]):.1f})"
    for name in peers:
        what = f"galproc record, a sample of {processes} processes"
        if name not in figures or name in failed:
            print_row(what, figure, f"{name}: {'skipped, ' + failed[name] if name in failed else 'not installed'}", "", "", "")
            continue
        theirs = statistics.median(figures[name])
        against = f"{name} {theirs:.1f} ms ({min(figures[name]):.1f}-{max(figures[name]):.1f})"
        limit = FALLBACK_AGAINST_ATOP if name == "atop -w" else None
        print_row(what, figure, against, f"{own / theirs:.3f}", f"<= {limit:g}" if limit else "",
                  "" if not limit else "ok" if own / theirs <= limit else "OVER")


def measure_memory(galproc, folder):
    """The kernel's own high-water mark, read while it runs: that of wait4 would count its launcher's memory."""
    process = start([galproc, "record", "-q", "--db", os.path.join(folder, "file.db"), "--interval", "50ms", "--duration", "10s"])
    peak_kib = 0
    while process.poll() is None:
        try:
            with open(f"/proc/{process.pid}/status", encoding="ascii", errors="replace") as status:
                for line in status:
                    if line.startswith("VmHWM:"):
                        peak_kib = max(peak_kib, int(line.split()[1]))
        except OSError:
            break
        time.sleep(0.1)
    if process.wait() != 0:
        raise RuntimeError(process.stderr.read().decode(errors="replace").strip())
    processes = sum(name.isdigit() for name in os.listdir("/proc"))
    mib = peak_kib / 1024
    print_row(f"memory of galproc record, most resident, {processes} processes, 200 ticks", f"{mib:.1f} MiB",
              f"{MOST_RESIDENT_MIB} MiB", f"{mib / MOST_RESIDENT_MIB:.3f}", f"<= {MOST_RESIDENT_MIB} MiB",
              "ok" if mib <= MOST_RESIDENT_MIB else "OVER")


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("cpu", "memory"):
        print("usage: peers.py cpu|memory GALPROC", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="galproc-bench-") as folder:
        try:
            {"cpu": measure_cpu, "memory": measure_memory}[sys.argv[1]](sys.argv[2], folder)
        except RuntimeError as error:
            print(f"peers.py: {error}", file=sys.stderr)
            return 1
        finally:
            if running and running.poll() is None:
                running.kill()
                running.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
