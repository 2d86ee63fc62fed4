#!/usr/bin/env bash
# Fetches the recogniser library (libvosk.so) into the cache, once. Without it Candor is built without Vosk.
set -euo pipefail
source "$(dirname "$0")/environment.sh"
source "$(dirname "$0")/wheel.sh"

main() {
  if has_library; then return; fi
  if [[ -n ${VOSK_LIB_DIR:-} ]]; then
    stop "VOSK_LIB_DIR names $VOSK_LIB_DIR, but no libvosk.so is there. Put it there, or unset VOSK_LIB_DIR to have it fetched."
  fi
  say "fetching the recogniser library (Vosk 0.3.45, 7 MB)"
  if unpack_wheel requirements-recogniser.txt vosk "$cache/vosk"; then
    say "recogniser library: $cache/vosk/libvosk.so"
  else
    warn "no recogniser library. Candor is built without Vosk: Dutch and English are heard by Whisper, all else works."
    warn "run make again when Python's package registry can be reached, or set VOSK_LIB_DIR to a folder with libvosk.so."
  fi
}
main "$@"
