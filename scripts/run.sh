#!/usr/bin/env bash
# Builds galproc and shows it at work: ten seconds of this machine, then the answers. With arguments: runs galproc with
# them.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

"$top/scripts/setup.sh" build
cmake -S "$top" -B "$top/build/release" -G Ninja -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF >/dev/null
cmake --build "$top/build/release" --target galproc -- --quiet >&2
galproc="$top/build/release/galproc"

[ $# -gt 0 ] && exec "$galproc" "$@"

"$galproc" record --db galproc.db --interval 1s --duration 10s
export GALPROC_DB=galproc.db
for query in tree ports system gaps; do
  printf '\n%s\n' "== galproc query $query"
  limit=()
  [ $query = system ] && limit=(--since '10s ago')
  "$galproc" query $query "${limit[@]}" -q
done
