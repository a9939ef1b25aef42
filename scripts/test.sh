#!/usr/bin/env bash
# Everything that has to hold: layout, lint, and all tests in two builds, plain and with sanitizers.
#
# usage: test.sh [--threads]   --threads: only what has threads, under the thread sanitizer; as root it hears the kernel
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top"

if [ $# -gt 1 ] || { [ $# -eq 1 ] && [ "$1" != --threads ]; }; then
  echo "usage: test.sh [--threads]" >&2
  exit 2
fi

scripts/setup.sh build test
jobs=$(nproc)

if [ $# -eq 1 ]; then
  tests=(platform_events_test platform_connector_test recorder_events_test event_collector_test)
  cmake -S . -B build/thread -G Ninja -DCMAKE_BUILD_TYPE=None -DCMAKE_CXX_FLAGS='-O1 -g1 -fsanitize=thread' >/dev/null
  cmake --build build/thread -j "$jobs" --target "${tests[@]}" -- --quiet
  for test in "${tests[@]}"; do
    # One test starts threads in a forked process, which this sanitizer cannot follow.
    TSAN_OPTIONS="halt_on_error=1 die_after_fork=0" "build/thread/tests/$test" --gtest_brief=1 \
      --gtest_filter='-*TheCpuTimeOfALife*'
  done
  exit
fi
tests=$((2 * jobs))  # they wait for processes more than they compute

build() {
  local folder=$1
  shift
  echo "== build $folder"
  cmake -S . -B "build/$folder" -G Ninja -DGALPROC_WERROR=ON "$@" >/dev/null
  cmake --build "build/$folder" -j "$jobs" -- --quiet
}

run_tests() {
  local folder=$1
  shift
  echo "== test $folder $*"
  # On a machine that others use too, one may meet what it could not keep away (a socket that others bind, an answer that
  # finds no room): it is told as failed and gets one more try. What fails twice is a failure.
  ctest --test-dir "build/$folder" "$@" -j "$tests" --repeat until-pass:2 --output-on-failure --no-tests=error --progress
}

build test -DCMAKE_BUILD_TYPE=Release

# Tests wait more than they compute: the time that they leave is enough for this.
lint_log=$(mktemp)
setsid nice -n 19 scripts/lint.sh >"$lint_log" 2>&1 &
lint=$!
trap 'kill -- "-$lint" 2>/dev/null || true; rm -f "$lint_log"' EXIT

run_tests test
build sanitize -DCMAKE_BUILD_TYPE=None -DCMAKE_CXX_FLAGS='-O1 -g1' -DGALPROC_SANITIZE=ON
run_tests sanitize
GALPROC_BINARY="$top/build/sanitize/galproc" run_tests test -L program

echo "== lint"
wait "$lint" || { cat "$lint_log"; exit 1; }
