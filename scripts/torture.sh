#!/usr/bin/env bash
# Tries recorder and kill to the utmost, and checks after each trial that the file is sound and that nothing which was
# acknowledged is missing: a disk on which one call after the other fails, or all from one on; deaths between two changes
# of the disk, at every one; losses of power after every one, with whatever part of what was not synced; and SIGKILLs at
# random moments, many on one file; and files that were hurt: bits flipped, ends cut off, -wal files of others. The test
# suite does a little of the same.
#
# usage: torture.sh [ROUNDS]   1000 SIGKILLs unless given; each takes about a second. The power is lost in
#                              ROUNDS / 100 random ways after each change, besides the two extremes.
#   GALPROC_TORTURE_SEED=N     repeats the course that a failure names
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top"

rounds=${1:-1000}
if [ $# -gt 1 ] || ! [[ $rounds =~ ^[1-9][0-9]*$ ]]; then
  echo "usage: torture.sh [ROUNDS]" >&2
  exit 2
fi

tests=(disk_fault_test disk_death_test disk_loss_test program_crash_test program_hurt_file_test)
scripts/setup.sh build test
cmake -S . -B build/test -G Ninja -DCMAKE_BUILD_TYPE=Release -DGALPROC_WERROR=ON >/dev/null
cmake --build build/test --target "${tests[@]}" -- --quiet >&2
export GALPROC_TORTURE_ROUNDS=$rounds
for test in "${tests[@]}"; do
  build/test/tests/"$test" --gtest_filter='Disk*:*OfARecorderAndAKill*:ProgramHurtFile*'
done
