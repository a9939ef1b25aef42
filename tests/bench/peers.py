#!/usr/bin/env python3
"""CPU time per sample of galproc record and of other recorders, and galproc's memory.

  peers.py cpu GALPROC      rows of the table of scripts/bench.sh: galproc against each peer that is there
  peers.py memory GALPROC   one row: the memory that a recorder holds

What is looked at is whatever runs here: tests/bench/sleepers makes the process table as large as wanted. Samples are a
second apart. A peer's price is the difference of a run with many samples and one with few, divided by the samples, in
user + system time as wait4 gives it: starting up falls out. galproc's first look costs as much as twenty others, for it
meets everybody; so its price is read off while it runs, by the kernel's own clock of its run time, from its third look
on. Figures are medians of several rounds in which all take turns.
"""

import contextlib
import os
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

FEW, MANY = 2, 10
ROUNDS = 3
MOST_RESIDENT_MIB = 15         # aimed at, with 500 processes
MOST_PROCESSES = 800           # 500 sleepers and what else a machine runs

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

BEST = "galproc record"
FALLBACK = "galproc record by /proc alone"
OURS = (BEST, FALLBACK)
# What is aimed at, by the first word of a peer; of the best where that is BPF.
LIMITS = {BEST: {"atop": 1 / 30, "pidstat": 1 / 30, "top": 1 / 10, "psutil": 1 / 50}, FALLBACK: {"atop": 1 / 8}}

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


def run_time(pid):
    """Seconds on a CPU so far, all threads."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def cpu_seconds_while_running(command):
    """Of the samples from FEW to MANY of a recorder that keeps a fixed schedule; read just before the next is due."""
    process = start(command)
    began = time.monotonic()
    seconds = []
    for samples in (FEW, MANY):
        time.sleep(max(0, began + samples - 0.1 - time.monotonic()))
        try:
            seconds.append(run_time(process.pid))
        except OSError as error:
            raise RuntimeError(f"{command[0]}: {error}") from error
    stop(process)
    return seconds[1] - seconds[0]


def stop(process):
    global running
    process.terminate()
    said = process.stderr.read()
    if process.wait() != 0:
        raise RuntimeError(said.decode(errors="replace").strip())
    process.stderr.close()
    running = None


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
    record = [galproc, "record", "-q", "--db", file + ".db", "--interval", "1s", "--samples"]
    found = {
        BEST: lambda n: record + [str(n)],
        FALLBACK: lambda n: record + [str(n), "--process-source", "proc", "--event-source", "none"],
        "atop -w": lambda n: ["atop", "-w", file + ".atop", "1", str(n)],
        "top -b": lambda n: ["top", "-b", "-d", "1", "-n", str(n)],
        "pidstat -urd -h -p ALL": lambda n: ["pidstat", "-urd", "-h", "-p", "ALL", "1", str(n)],
        "psutil process_iter, 10 attributes": lambda n: [python, "-c", PSUTIL_LOOP, str(n)],
    }
    for name in found.keys() - OURS:
        there = python if name.startswith("psutil") else shutil.which(name.split()[0])
        if not there:
            found[name] = None
    return found


def count_processes():
    return sum(name.isdigit() for name in os.listdir("/proc"))


def remove_files(folder):
    for name in os.listdir(folder):
        os.remove(os.path.join(folder, name))


def sources_of(folder):
    """Of the recording that is there: processes, events."""
    with contextlib.closing(sqlite3.connect(os.path.join(folder, "file.db"))) as database:
        return database.execute("SELECT process_source, event_source FROM recordings").fetchone()


def measure_cpu(galproc, folder):
    found = recorders(galproc, folder)
    figures = {name: [] for name, command in found.items() if command}
    failed = {}
    sources = {}
    for _ in range(ROUNDS):
        for name in figures:
            if name in failed:
                continue
            try:
                if name in OURS:
                    seconds = cpu_seconds_while_running(found[name](2 * MANY))
                    sources[name] = sources_of(folder)
                else:
                    seconds = cpu_seconds(found[name](MANY)) - cpu_seconds(found[name](FEW))
                figures[name].append(seconds / (MANY - FEW) * 1e3)
                remove_files(folder)
            except (RuntimeError, OSError) as error:
                failed[name] = str(error)
    if failed.keys() & set(OURS):
        raise RuntimeError(failed[next(name for name in OURS if name in failed)])
    processes = count_processes()
    for own_name in OURS:
        report_cpu(own_name, sources[own_name], found, figures, failed, processes)


def report_cpu(own_name, sources, found, figures, failed, processes):
    own = statistics.median(figures[own_name])
    figure = f"{own:.1f} ms ({min(figures[own_name]):.1f}-{max(figures[own_name]):.1f})"
    what = f"{own_name} (processes: {sources[0]}, events: {sources[1]}), a sample of {processes}"
    limits = LIMITS[own_name] if own_name != BEST or sources[0] == "bpf" else LIMITS[FALLBACK]
    for name in found:
        if name in OURS:
            continue
        if name not in figures or name in failed:
            print_row(what, figure, f"{name}: {'skipped, ' + failed[name] if name in failed else 'not installed'}", "", "", "")
            continue
        theirs = statistics.median(figures[name])
        against = f"{name} {theirs:.1f} ms ({min(figures[name]):.1f}-{max(figures[name]):.1f})"
        limit = limits.get(name.split()[0])
        print_row(what, figure, against, f"{own / theirs:.3f}", f"<= {limit:.3f}" if limit else "",
                  "" if not limit else "ok" if own / theirs <= limit else "OVER")


def kib_of(pid, field):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
        return next((int(line.split()[1]) for line in status if line.startswith(field + ":")), 0)


def measure_memory(galproc, folder):
    """What it holds while it records, and for a moment when it loads the BPF programs: the kernel's own figures, read
    while it runs, for those of wait4 would count its launcher's memory."""
    process = start([galproc, "record", "-q", "--db", os.path.join(folder, "file.db"), "--interval", "50ms"])
    time.sleep(2)
    resident_kib = processes = 0
    for _ in range(80):
        time.sleep(0.1)
        processes = max(processes, count_processes())
        resident_kib = max(resident_kib, kib_of(process.pid, "VmRSS"))
    peak_kib = kib_of(process.pid, "VmHWM")
    stop(process)
    sources = sources_of(folder)
    remove_files(folder)
    mib = resident_kib / 1024
    # The target is one for 500 processes: when somebody else runs many more just now it says nothing.
    judged = processes <= MOST_PROCESSES
    print_row(f"memory of galproc record (processes: {sources[0]}, events: {sources[1]}), most resident in 160 ticks,"
              f" {processes} processes", f"{mib:.1f} MiB",
              f"{MOST_RESIDENT_MIB} MiB at 500", f"{mib / MOST_RESIDENT_MIB:.3f}",
              f"<= {MOST_RESIDENT_MIB} MiB" if judged else "", "" if not judged else
              "ok" if mib <= MOST_RESIDENT_MIB else "OVER")
    print_row("- its peak, while it starts", f"{peak_kib / 1024:.1f} MiB", "", "", "", "")


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("cpu", "memory"):
        print("usage: peers.py cpu|memory GALPROC", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="galproc-bench-") as folder:
        try:
            {"cpu": measure_cpu, "memory": measure_memory}[sys.argv[1]](sys.argv[2], folder)
        except (RuntimeError, OSError) as error:
            print(f"peers.py: {error}", file=sys.stderr)
            return 1
        finally:
            if running and running.poll() is None:
                running.kill()
                running.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
