#!/usr/bin/env bash
# Fetches what only the tests use: an independent Media Streams caller, an independent WebRTC peer, axe-core, and
# a real Asterisk.
set -euo pipefail
source "$(dirname "$0")/environment.sh"
source "$(dirname "$0")/wheel.sh"

# independent NAME WHAT [ARGUMENTS]: installs what scripts/requirements-independent-NAME.txt pins, once, with these arguments for pip; "the independent
# NAME" is called WHAT.
independent() {
  local name=independent-$1 what=$2
  shift 2
  local requirements=$root/scripts/requirements-$name.txt stamp=$tools/python/$name.txt
  if cmp --silent "$requirements" "$stamp"; then return; fi
  say "installing the ${name/-/ } ($what)"
  if make_python && pip install "$@" --only-binary=:all: --require-hashes --requirement "$requirements"; then
    cp "$requirements" "$stamp"
  else
    warn "no ${name/-/ }: the tests that listen to it are passed over. Run make test again with a network."
  fi
}

axe_core() {
  local requirements=$root/scripts/requirements-axe-core.txt folder=$tools/axe-core
  if cmp --silent "$requirements" "$folder/requirements.txt"; then return; fi
  say "fetching axe-core (0.2 MB)"
  mkdir -p "$folder"
  # In a shell of its own, so that the folder it works in goes whatever comes after.
  if (unpack_wheel requirements-axe-core.txt axe_playwright_python/axe.min.js "$folder/axe.min.js"); then
    cp "$requirements" "$folder/requirements.txt"
  else
    warn "no axe-core: the pages are not looked at for barriers. Run make test again with a network."
  fi
}

independent caller "streamdouble 0.3.0, 20 MB with its parts"
independent peer "aiortc 1.16.0, 42 MB with its parts"
independent recognisers "faster-whisper-server 0.0.3 and vosk 0.3.45, 130 MB with their parts" --no-deps
axe_core
"$root/scripts/asterisk.sh"
