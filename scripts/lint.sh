#!/usr/bin/env bash
# clang-format and clang-tidy over the sources.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top"
git ls-files -- 'src/*.h' 'src/*.cpp' 'tests/*.h' 'tests/*.cpp' | xargs clang-format --dry-run --Werror

# Only the compile commands are needed, and without precompiled headers: clang cannot read those of GCC.
cmake -S . -B build/lint -G Ninja -DBUILD_TESTING=OFF -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON >/dev/null
report=$(mktemp)
trap 'rm -f "$report"' EXIT
git ls-files -- 'src/*.cpp' | xargs -P "$(nproc)" -n 4 clang-tidy -p build/lint --quiet \
  --extra-arg=-Wno-unknown-warning-option --extra-arg=-Wno-ignored-optimization-argument >"$report" 2>&1 ||
  { cat "$report"; exit 1; }  # on success it only counts the warnings of others' headers
