#!/usr/bin/env bash
# Opens the town hall that the municipality's lookups ask; the arguments are the town hall's.
set -euo pipefail
source "$(dirname "$0")/environment.sh"
cd "$root"
choose_features
exec cargo run --quiet --locked --profile "${PROFILE:-dev}" "${features[@]}" --example town_hall -- "$@"
