#!/usr/bin/env bash
# setup.sh [run|test|lint]: brings this machine to where Candor can be built and run, or tested, or looked over. What is
# there already is left alone, so it may be run as often as you like.
set -euo pipefail
source "$(dirname "$0")/environment.sh"

purpose=${1:-run}
scripts=$root/scripts

has cargo || stop "Rust is missing. Install it as https://rustup.rs says, then run make again."
mkdir -p "$tools" "$models"
"$scripts/system-packages.sh" "$purpose"
"$scripts/recogniser.sh"
if [[ $purpose == test ]]; then "$scripts/test-parts.sh"; fi
