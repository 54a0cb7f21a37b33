#!/usr/bin/env bash
# Formats, lints and types of the console.
set -euo pipefail
cd "$(dirname "$0")"
. ./node.sh
use_node
install_packages
npm run --silent lint
npm run --silent typecheck
install_generator
node tools/generate-types.mjs --check
