#!/usr/bin/env bash
# Tests of the console: units, size budget, and the whole page in a real browser against the mock API. The
# same browser story against the real product is in tests/tests/dev.rs.
set -euo pipefail
cd "$(dirname "$0")"
. ./node.sh
use_node
install_packages
npm test
npm run --silent budget
npm run --silent e2e:mock
