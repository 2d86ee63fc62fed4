#!/usr/bin/env bash
# Runs all tests; the arguments go to the test runner (a part of a test's name runs those alone).
set -euo pipefail
source "$(dirname "$0")/environment.sh"
cd "$root"

export STREAMDOUBLE=${STREAMDOUBLE:-$tools/python/bin/streamdouble}
choose_features
if ! has_library; then
  warn "no recogniser library: the tests that speak to it are left out."
fi
# The examples in the documentation, which nextest does not run. Cargo gives them no rpath, so they are told where the library is.
if [[ $# == 0 ]]; then
  LD_LIBRARY_PATH=$library_folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} cargo test --locked --doc --quiet "${features[@]}"
fi
if cargo nextest --version >/dev/null 2>&1; then
  exec cargo nextest run --locked "${features[@]}" "$@"
fi
warn "no cargo-nextest: cargo test runs them, one file after the other."
exec cargo test --locked "${features[@]}" --lib --bins --tests --examples "$@"
