#!/usr/bin/env bash
# Fuzzes a parser of what other machines send: scripts/fuzz.sh TARGET [arguments for libFuzzer], such as vosk_reply -max_total_time=60.
# The stable compiler does: it counts which code a try reaches; libFuzzer comes with its crate.
set -euo pipefail
source "$(dirname "$0")/environment.sh"
cd "$root/fuzz"

targets() { sed -n 's/^name = "\(.*\)"$/\1/p' Cargo.toml | grep -v candor-fuzz; }
if [[ $# == 0 ]] || ! targets | grep --quiet --line-regexp "$1"; then
  stop "name a target: $(targets | paste -sd ' ')"
fi
target=$1
shift
host=$(rustc -vV | sed -n 's/^host: //p')
export CARGO_TARGET_DIR=$cache/fuzz
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
# With a target named, what runs while building is built without the counting.
cargo build --release --target "$host" --bin "$target"
mkdir -p "$CARGO_TARGET_DIR/corpus/$target"
exec "$CARGO_TARGET_DIR/$host/release/$target" "$CARGO_TARGET_DIR/corpus/$target" "corpus/$target" "$@"
