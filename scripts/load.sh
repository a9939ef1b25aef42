#!/usr/bin/env bash
# Puts a load on this machine that few machines carry, with a recorder beside it: 10 000 processes, 20 000 sockets (in a
# network namespace of their own), 10 000 signals a second and 5 000 short lives a minute, then 300 000 signals at once.
# Prints what was stored and what was counted as lost, the recorder's memory and its CPU. As root; needs 4 GB of memory,
# best on an idle machine; everything that it starts ends with it.
#
# usage: load.sh [SECONDS]   60 unless given
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top"

seconds=${1:-60}
if [ $# -gt 1 ] || ! [[ $seconds =~ ^[1-9][0-9]{0,2}$ ]]; then
  echo "usage: load.sh [SECONDS]" >&2
  exit 2
fi

scripts/setup.sh build bench
build=build/release
cmake -S . -B $build -G Ninja -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF >/dev/null
cmake --build $build --target load_bench galproc -- --quiet >&2

cat <<END
| what | figure | against | ratio | target | |
|---|---|---|---|---|---|
END
exec $build/tests/bench/load_bench $build/galproc "$seconds"
