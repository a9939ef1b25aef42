#!/usr/bin/env bash
# Measures galproc and prints one table: what it costs, against what, the ratio, and the target of the design. Figures
# are CPU time, medians, with the quartiles (of a few runs: the extremes) in brackets; the ratios are of one run on one
# machine and mean more than the figures. Takes some minutes, best on an idle machine, and leaves nothing behind.
#
# usage: bench.sh [--days D]   length of the simulated recording, 7 unless given
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top"

days=7
if [ $# -eq 2 ] && [ "$1" = --days ]; then
  days=$2
elif [ $# -ne 0 ]; then
  echo "usage: bench.sh [--days D]" >&2
  exit 2
fi

scripts/setup.sh build bench
build=build/release
cmake -S . -B $build -G Ninja -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF >/dev/null
cmake --build $build --target bench -- --quiet >&2

# The system's own has the packaged psutil, another python3 that comes first may not.
python=python3
"$python" -c 'import psutil' 2>/dev/null || python=/usr/bin/python3

load() { cut -d' ' -f1-3 /proc/loadavg; }
step() { echo "bench.sh: $*" >&2; }

before=$(load)
began=$SECONDS
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT

step "a tick against the bare pass"
$build/tests/bench/tick_bench >>"$rows"
step "events, 10 000 a second"
$build/tests/bench/events_bench >>"$rows"
step "ports, 20 000 of them"
$build/tests/bench/ports_bench >>"$rows"
step "samples of galproc and of its peers"
$build/tests/bench/sleepers 2000 "$python" tests/bench/peers.py cpu $build/galproc >>"$rows"
$build/tests/bench/sleepers 500 "$python" tests/bench/peers.py memory $build/galproc >>"$rows"
step "the intent of a kill, and trees that go on forking"
$build/tests/bench/intent_bench $build/galproc >>"$rows"
"$python" tests/bench/trees.py $build/galproc >>"$rows"
step "a recording of $days simulated days, and questions to it"
$build/tests/bench/week_bench --days "$days" >>"$rows"

cat <<END
| what | figure | against | ratio | target | |
|---|---|---|---|---|---|
END
cat "$rows"
cat <<END

$(nproc) CPUs, $(uname -sr), commit $(git rev-parse --short HEAD 2>/dev/null || echo unknown), $days simulated days, $((SECONDS - began)) s.
Load average before: $before, after: $(load); its own is about 1. Above that others were running: read the ratios only.
END
