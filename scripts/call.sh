#!/usr/bin/env bash
# Calls the running server with the simulated telephone caller; the arguments are the caller's.
set -euo pipefail
source "$(dirname "$0")/environment.sh"
cd "$root"
choose_features
exec cargo run --quiet --locked --profile "${PROFILE:-dev}" "${features[@]}" --example caller -- "$@"
