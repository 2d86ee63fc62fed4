# shellcheck shell=bash
# Where things lie and how these scripts talk. Sourced by the others, never run.
# shellcheck disable=SC2034  # what is set here is used there

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${CANDOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/candor}
tools=$cache/tools
models=$cache/models

# The folder with libvosk.so; one named by VOSK_LIB_DIR is used as it is. build.rs looks in the same two places.
library_folder=${VOSK_LIB_DIR:-$cache/vosk}

# rustup puts cargo there, and a shell opened before Rust was installed does not know it yet.
PATH=$tools/bin:$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
export PATH
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target}
export CANDOR_SPEECH__MODELS=${CANDOR_SPEECH__MODELS:-$models}

say() { printf 'candor: %s\n' "$*"; }
warn() { printf 'candor: %s\n' "$*" >&2; }
stop() {
  warn "$*"
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }
has_library() { [[ -f $library_folder/libvosk.so ]]; }
has_speech_headers() { [[ -f /usr/include/speech-dispatcher/libspeechd.h ]] && compgen -G "/usr/lib/llvm-*/lib/libclang*.so*" >/dev/null; }

# Cargo's arguments for what is here: the default features, or without Vosk when its library is missing.
features=()
choose_features() {
  if has_library; then
    features=()
  else
    features=(--no-default-features --features whisper)
  fi
}
