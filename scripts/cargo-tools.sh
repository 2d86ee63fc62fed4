#!/usr/bin/env bash
# cargo-tools.sh NAME...: installs cargo tools into the cache, once, at the versions below.
set -euo pipefail
source "$(dirname "$0")/environment.sh"

version_of() {
  case $1 in
    cargo-nextest) echo 0.9.143 ;;
    cargo-deny) echo 0.20.2 ;;
    *) stop "unknown cargo tool $1" ;;
  esac
}

install() {
  local name=$1 version build
  if "$name" --version >/dev/null 2>&1; then return; fi
  version=$(version_of "$name")
  say "installing $name $version, once, for a few minutes"
  build=$(mktemp -d)
  # A build folder of its own: the project's must not grow by another program's parts.
  CARGO_TARGET_DIR=$build cargo install --locked --root "$tools" --version "$version" "$name" ||
    warn "$name $version could not be installed"
  rm -rf "$build"
}

for name in "$@"; do install "$name"; done
