#!/usr/bin/env bash
# Makes src/api/schema.d.ts anew from the OpenAPI document that is kept in the tree.
set -euo pipefail
cd "$(dirname "$0")"
. ./node.sh
use_node
install_generator
npm run --silent types
