#!/usr/bin/env bash
# Brings a machine to what the product needs: `machine.sh run` to build and run it (a C compiler for
# SQLite, Python for the services), `machine.sh test` for the tests as well (a browser, a private
# virtual environment with gevent, orjson and ruff, shellcheck, nextest, and the servers of databases,
# which are not started). Installs Debian packages as root or with sudo, else says which are missing.
# Does nothing on a machine that has it all.
set -euo pipefail
cd "$(dirname "$0")/.."
purpose="${1:?usage: machine.sh run|test}"

missing=()
need() { "${@:2}" >/dev/null 2>&1 || missing+=("$1"); }
need build-essential command -v cc
need python3 command -v python3
need python3-venv python3 -c 'import ensurepip'
if [ "$purpose" = test ]; then
    need chromium command -v chromium
    need shellcheck command -v shellcheck
    need postgresql find /usr/lib/postgresql/*/bin/initdb
    need mariadb-server command -v mariadbd
    need redis-server command -v redis-server
fi
if [ "${#missing[@]}" -gt 0 ]; then
    as_root=()
    if [ "$(id -u)" != 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "These packages are missing: ${missing[*]}. As root, run: apt-get install ${missing[*]}" >&2
            exit 1
        fi
        echo "Installing ${missing[*]}; sudo may ask for your password." >&2
        as_root=(sudo)
    fi
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
[ "$purpose" = test ] || exit 0

python=.tools/python
wanted='gevent==26.9.0 orjson==3.13.0 ruff==0.17.6'
if [ "$(cat $python/wanted 2>/dev/null)" != "$wanted" ]; then
    python3 -m venv $python
    # shellcheck disable=SC2086
    $python/bin/pip install --quiet --disable-pip-version-check $wanted
    echo "$wanted" > $python/wanted
fi
command -v cargo-nextest >/dev/null || cargo install --locked cargo-nextest@0.9.151
