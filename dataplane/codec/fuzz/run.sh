#!/bin/sh
# Fuzzes each target of the codec for SECONDS_EACH seconds (60), one after the other, from seeds taken from the tables of testdata.
# Needs cargo-fuzz (`cargo install cargo-fuzz`). A finding stays in artifacts/ and ends the run.
set -eu
cd "$(dirname "$0")/.."
cargo test --quiet -p dp-codec -- --ignored seeds_are_written
for target in ${TARGETS:-request_head response_head chunked frames}; do
    # libFuzzer needs the sanitizer flags of the compiler, which the stable one gives only so.
    RUSTC_BOOTSTRAP=1 cargo fuzz run "$target" -- \
        -max_total_time="${SECONDS_EACH:-60}" -max_len=2200 -print_final_stats=0 -verbosity=0
    echo "$target: nothing found"
done
