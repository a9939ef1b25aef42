#!/usr/bin/env bash
# clang-format and clang-tidy over the sources. REQUIRES: a configured build folder as the first argument.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top"
git ls-files -- 'src/*.h' 'src/*.cpp' 'tests/*.h' 'tests/*.cpp' | xargs clang-format --dry-run --Werror
report=$(mktemp)
trap 'rm -f "$report"' EXIT
git ls-files -- 'src/*.cpp' | xargs -P "$(nproc)" -n 4 clang-tidy -p "${1:?build folder}" --quiet \
  --extra-arg=-Wno-unknown-warning-option --extra-arg=-Wno-ignored-optimization-argument >"$report" 2>&1 ||
  grep -E '(warning|error): ' "$report" || true  # told, not yet refused: the list is being worked down
