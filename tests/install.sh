#!/usr/bin/env bash
# Installs what the tests need and the machine lacks: a browser, Python with venv, a private
# virtual environment with gevent and orjson (the worker is tested with and without them), nextest.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
command -v chromium >/dev/null || missing+=(chromium)
command -v curl >/dev/null || missing+=(curl)
command -v cc >/dev/null || missing+=(build-essential)
command -v python3 >/dev/null || missing+=(python3)
python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
if [ "${#missing[@]}" -gt 0 ]; then
    if [ "$(id -u)" = 0 ]; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    else
        echo "The tests need these packages: ${missing[*]}. Run: sudo apt-get install ${missing[*]}" >&2
        exit 1
    fi
fi

python=.tools/python
wanted='gevent==26.9.0 orjson==3.13.0'
if [ "$(cat $python/wanted 2>/dev/null)" != "$wanted" ]; then
    python3 -m venv $python
    # shellcheck disable=SC2086
    $python/bin/pip install --quiet --disable-pip-version-check $wanted
    echo "$wanted" > $python/wanted
fi

command -v cargo-nextest >/dev/null || cargo install --locked cargo-nextest
