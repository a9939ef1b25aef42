#!/usr/bin/env bash
# Everything that has to hold: layout, lint, and all tests in two builds, plain and with sanitizers.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top"

scripts/setup.sh build test
jobs=$(nproc)
tests=$((2 * jobs))  # they wait for processes more than they compute

build_and_test() {
  local folder=$1
  shift
  echo "== $folder"
  cmake -S . -B "build/$folder" -G Ninja -DGALPROC_WERROR=ON "$@" >/dev/null
  cmake --build "build/$folder" -j "$jobs" -- --quiet
  # On a machine that others use too, one may meet what it could not keep away (a socket that others bind, an answer that
  # finds no room): it is told as failed and gets one more try. What fails twice is a failure.
  ctest --test-dir "build/$folder" -j "$tests" --repeat until-pass:2 --output-on-failure --no-tests=error --progress
}

build_and_test test -DCMAKE_BUILD_TYPE=Release
build_and_test sanitize -DCMAKE_BUILD_TYPE=None -DCMAKE_CXX_FLAGS='-O1 -g1' -DGALPROC_SANITIZE=ON

echo "== lint"
scripts/lint.sh
