#!/usr/bin/env bash
# Builds with counters, runs all tests and prints which share of the lines of each folder they run, the files of the
# store, the recorder and the actions with the least, and where in them: FILE: lines. As root the kernel's sources count
# too. Takes some minutes, in build/coverage.
#
# usage: coverage.sh [TEST...]   only these tests (as ctest -R takes them); all unless given
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top"

scripts/setup.sh build test
build=build/coverage
jobs=$(nproc)
cmake -S . -B $build -G Ninja -DCMAKE_BUILD_TYPE=None -DCMAKE_CXX_FLAGS='-O0 --coverage -fprofile-update=atomic' >/dev/null
cmake --build $build -j "$jobs" -- --quiet >&2
find $build -name '*.gcda' -delete
only=()
[ $# -gt 0 ] && only=(-R "$(IFS='|' && echo "$*")")
ctest --test-dir $build -j $((2 * jobs)) --repeat until-pass:2 --output-on-failure --progress "${only[@]}" >&2 ||
  echo "coverage.sh: some tests failed; what they ran is counted" >&2

find "$PWD/$build" -path '*/galproc_*.dir/src/*.gcda' -print0 |
  xargs -0 -r gcov --json-format --stdout 2>/dev/null |
  python3 scripts/coverage.py "$PWD"
