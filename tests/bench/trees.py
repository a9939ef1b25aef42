#!/usr/bin/env python3
"""Ends a tree that goes on forking, in three ways, and counts who is left.

usage: trees.py GALPROC

The tree ignores SIGTERM; it forks children that stay its own and chains of daemons, each forked twice and in a session
of its own. The process between a daemon and its maker lives long enough to be polled, or it does not. The tree is over by
itself after half a minute. Survivors are counted 0.3 s after a way says that it is done, by a
word on their command line, and then ended by pid.
"""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

try:
    import psutil
except ImportError:
    psutil = None

FORKER = """next() { (CHAIN=1 setsid /bin/sh "$0" $1 & sleep MAKER) & }
trap '' TERM
[ $(date +%s) -ge $(cat "$0.end") ] && exit
if [ -n "$CHAIN" ]; then sleep 0.1; next $1; sleep 0.2; exit; fi
for i in 1 2 3 4 5; do next $1; done
while [ $(date +%s) -lt $(cat "$0.end") ]; do sh -c 'trap "" TERM; sleep 0.3; :' sh $1 & sleep 0.05; done
"""
RUNS = 3


def members(word):
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                if word.encode() in file.read().split(b"\0"):
                    found.append(int(name))
        except OSError:
            pass
    return found


def end_all(word):
    for _ in range(2000):
        left = members(word)
        if not left:
            return
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def by_galproc(galproc, folder, root):
    subprocess.run([galproc, "kill", "-q", "--db", folder + "/galproc.db", str(root), "--tree", "--grace", "300ms"],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def by_psutil(_galproc, _folder, root):
    """The recipe of its documentation."""
    parent = psutil.Process(root)
    processes = parent.children(recursive=True) + [parent]
    for process in processes:
        try:
            process.send_signal(signal.SIGTERM)
        except psutil.NoSuchProcess:
            pass
    _, alive = psutil.wait_procs(processes, timeout=0.3)
    for process in alive:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            pass
    psutil.wait_procs(alive, timeout=2)


def by_pkill(_galproc, _folder, root):
    subprocess.run(["pkill", "-KILL", "-P", str(root)], check=False)
    os.kill(root, signal.SIGKILL)


def once(way, galproc, number, maker):
    word = f"tree{os.getpid()}x{number}"
    with tempfile.TemporaryDirectory() as folder:
        script = folder + "/forker.sh"
        with open(script, "w") as file:
            file.write(FORKER.replace("MAKER", maker))
        with open(script + ".end", "w") as file:
            file.write(str(int(time.time()) + 30))
        recorder = subprocess.Popen([galproc, "record", "-q", "--db", folder + "/galproc.db", "--interval", "20ms"])
        time.sleep(0.5)
        root = subprocess.Popen(["/bin/sh", script, word])
        try:
            time.sleep(1.5)
            begun = time.monotonic()
            way(galproc, folder, root.pid)
            seconds = time.monotonic() - begun
            time.sleep(0.3)
            return len(members(word)), seconds
        finally:
            end_all(word)
            root.wait()
            recorder.send_signal(signal.SIGTERM)
            recorder.wait()


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: trees.py GALPROC")
    ways = [("galproc kill --tree, recorded each 20 ms", by_galproc), ("psutil's recipe", by_psutil),
            ("pkill -P, then the root", by_pkill)]
    number = 0
    for maker, between in [("0.1", "a tenth of a second between the forks"), ("0", "nothing between the forks")]:
        for name, way in ways:
            what = f"a tree that forks all the time, {between}, by {name}"
            if way is by_psutil and psutil is None:
                print(f"| {what} | skipped: no psutil | | | | |")
                continue
            results = []
            for _ in range(RUNS):
                number += 1
                results.append(once(way, sys.argv[1], number, maker))
            left = ", ".join(str(count) for count, _ in results)
            seconds = statistics.median(seconds for _, seconds in results)
            print(f"| {what} | {left} left | {seconds:.2f} s | | | |", flush=True)


main()
