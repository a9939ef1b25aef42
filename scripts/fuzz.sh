#!/usr/bin/env bash
# Tries everything that parses what others wrote with inputs that libFuzzer makes up from the kept corpus, under the
# sanitizers. The test suite runs the kept corpus alone, which needs no clang.
#
# usage: fuzz.sh [SECONDS_PER_TARGET] [TARGET...]   10 unless given, all of tests/fuzz; as many at once as there are CPUs
#
# What it finds stays in build/fuzz: found/TARGET/crash-... (run build/fuzz/tests/fuzz/TARGET_fuzz with that file to see
# it again; what is mended belongs into tests/fuzz/corpus/TARGET), and in corpus/TARGET what reached new code, from
# where the next run goes on.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top"

seconds=${1:-10}
shift || true
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
  for source in tests/fuzz/*_fuzz.cpp; do targets+=("$(basename "$source" _fuzz.cpp)"); done
fi
for target in "${targets[@]}"; do
  if ! [[ $seconds =~ ^[1-9][0-9]*$ ]] || ! [ -f "tests/fuzz/${target}_fuzz.cpp" ]; then
    echo "usage: fuzz.sh [SECONDS_PER_TARGET] [TARGET...]" >&2
    exit 2
  fi
done

scripts/setup.sh build fuzz
build=build/fuzz
cmake -S . -B $build -G Ninja -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_BUILD_TYPE=None \
  -DCMAKE_CXX_FLAGS='-O1 -g1' -DGALPROC_FUZZ=ON -DBUILD_TESTING=OFF >/dev/null
cmake --build $build --target "${targets[@]/%/_fuzz}" -- --quiet >&2

# One target for its time; its last lines where it found something.
try() {
  local target=$1
  local corpus=$build/corpus/$target found=$build/found/$target log=$build/$target.log
  mkdir -p "$corpus" "$found"
  if UBSAN_OPTIONS=print_stacktrace=1 nice "$build/tests/fuzz/${target}_fuzz" "$corpus" "tests/fuzz/corpus/$target" \
    -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=16384 -artifact_prefix="$found/" \
    -print_final_stats=1 >"$log" 2>&1; then
    echo "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs, no finding"
  else
    echo "$target: a finding, in $found; $log ends:"
    tail -n 40 "$log"
    return 1
  fi
}
export -f try
export build seconds
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I '{}' bash -c 'try {}'
