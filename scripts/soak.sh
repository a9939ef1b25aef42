#!/usr/bin/env bash
# Records hours of a made-up machine in minutes, with the real recorder, store and kills and a made-up clock: processes
# that come and go, reused pids, ports that change hands, clock steps, suspends, reboots, crashed recorders, a disk that
# fills up, retention by age and by size. Every 20 minutes of its time the file is checked whole, and what it answers is
# held against what was true. The test suite does an hour of the same.
#
# usage: soak.sh [HOURS]     24 unless given; an hour takes about two seconds
#   GALPROC_SOAK_SEED=N      repeats the course that a failure names
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top"

hours=${1:-24}
if [ $# -gt 1 ] || ! [[ $hours =~ ^[1-9][0-9]*$ ]]; then
  echo "usage: soak.sh [HOURS]" >&2
  exit 2
fi

scripts/setup.sh build test
cmake -S . -B build/test -G Ninja -DCMAKE_BUILD_TYPE=Release -DGALPROC_WERROR=ON >/dev/null
cmake --build build/test --target soak_test -- --quiet >&2
export GALPROC_SOAK_HOURS=$hours GALPROC_SOAK_SEED=${GALPROC_SOAK_SEED:-$RANDOM}
exec build/test/tests/soak_test
