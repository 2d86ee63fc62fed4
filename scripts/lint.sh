#!/usr/bin/env bash
# Format, lints, the builds without a recogniser and with a voice of the author's own, licences and sources of the dependencies, and these scripts.
set -euo pipefail
source "$(dirname "$0")/environment.sh"
cd "$root"

for part in fmt clippy; do
  cargo "$part" --version >/dev/null 2>&1 || stop "cargo $part is missing. Type: rustup component add rustfmt clippy"
done
cargo fmt --check
choose_features
cargo clippy --locked --all-targets "${features[@]}" -- -D warnings
if has_library; then
  cargo clippy --locked --no-default-features --lib --bins --examples -- -D warnings
fi
if has_library && has_speech_headers; then
  cargo clippy --locked --no-default-features --features aloud --lib -- -D warnings
else
  warn "no headers of speech-dispatcher: the build that speaks aloud was not checked."
fi
if has cargo-deny; then
  cargo deny --locked check --hide-inclusion-graph bans licenses sources
else
  warn "no cargo-deny: bans, licences and sources were not checked."
fi
if has shellcheck; then
  shellcheck scripts/*.sh .ci/run
else
  warn "no shellcheck: the scripts were not checked."
fi
