#!/usr/bin/env bash
# Ends recorders and kills by SIGKILL at random moments, many times on one file, and checks after each that the file is
# sound and that nothing which was acknowledged is missing. The test suite does a few rounds of the same.
#
# usage: torture.sh [ROUNDS]   1000 unless given; each takes about a second
#   GALPROC_TORTURE_SEED=N     repeats the course that a failure names
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top"

rounds=${1:-1000}
if [ $# -gt 1 ] || ! [[ $rounds =~ ^[1-9][0-9]*$ ]]; then
  echo "usage: torture.sh [ROUNDS]" >&2
  exit 2
fi

scripts/setup.sh build test
cmake -S . -B build/test -G Ninja -DCMAKE_BUILD_TYPE=Release -DGALPROC_WERROR=ON >/dev/null
cmake --build build/test --target program_crash_test -- --quiet >&2
GALPROC_TORTURE_ROUNDS=$rounds exec build/test/tests/program_crash_test --gtest_filter='*OfARecorderAndAKill*'
