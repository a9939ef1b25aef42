#!/usr/bin/env bash
# Installs what is missing of the packages that the given sets need: build, test, bench, fuzz. Does nothing, and asks for
# nothing, when all are there.
set -euo pipefail

declare -A sets=(
  [build]="g++ cmake ninja-build libsqlitecpp-dev libsqlite3-dev libcli11-dev libhowardhinnant-date-dev libfmt-dev libsodium-dev pkg-config clang libbpf-dev libelf-dev zlib1g-dev"
  [test]="libgtest-dev nlohmann-json3-dev ccache clang-tidy clang-format sqlite3 python3 python3-venv util-linux procps libcap2-bin zsh fish"
  [bench]="atop sysstat procps python3 python3-psutil iproute2 lsof"
  [fuzz]="clang libclang-rt-dev nlohmann-json3-dev"
)

missing=()
for set in "$@"; do
  for package in ${sets[$set]}; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
  done
done
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
  echo "galproc: this system has no apt-get; install the like of these Debian packages by hand: ${missing[*]}" >&2
  exit 1
fi
sudo=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "galproc: as root, run: apt-get install ${missing[*]}" >&2; exit 1; }
  sudo=(sudo)
fi
echo "galproc: installing ${missing[*]}" >&2
"${sudo[@]}" apt-get update -qq
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
