#!/usr/bin/env bash
# Opens the web shop that the sample dialog's lookups ask; the arguments are the shop's.
set -euo pipefail
source "$(dirname "$0")/environment.sh"
cd "$root"
choose_features
exec cargo run --quiet --locked --profile "${PROFILE:-dev}" "${features[@]}" --example shop -- "$@"
