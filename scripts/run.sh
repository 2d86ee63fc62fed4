#!/usr/bin/env bash
# Builds Candor, makes recording keys on the first run and starts the server with the sample dialogs.
set -euo pipefail
source "$(dirname "$0")/environment.sh"
cd "$root"

config=candor.toml
profile=${PROFILE:-dev}
built=$CARGO_TARGET_DIR/$profile
if [[ $profile == dev ]]; then built=$CARGO_TARGET_DIR/debug; fi
address=$(awk -F'"' '/^\[/ { section = $0 } section ~ /^\[server\]/ && /^listen *=/ { print $2; exit }' "$config")
address=${CANDOR_SERVER__LISTEN:-${address:-127.0.0.1:8080}}
# Variables of these scripts, not of the server, which refuses a setting that it does not know.
candor=(env -u CANDOR_CACHE "$built/candor" --config "$config")

build() {
  choose_features
  if [[ ! -x $built/candor ]]; then say "building, for the first time: this takes some minutes"; fi
  cargo build --locked --profile "$profile" "${features[@]}" --bin candor --example caller ||
    stop "the build failed. If cargo could not fetch its crates: connect to a network once, later builds need none."
}

# The server holds public keys only. Purposes that have a key keep it; a new purpose of a dialog gets one.
make_keys() {
  local told private purpose data=${CANDOR_STORAGE__FOLDER:-data}
  if "${candor[@]}" keys list > /dev/null 2>&1; then return; fi
  # The public key is what the server needs; the private one may long be elsewhere.
  for private in keys/*.key; do
    purpose=$(basename "$private" .key)
    if [[ -e $private && $purpose != desk && ! -f $data/keys/$purpose.pub ]]; then
      stop "$private is here, but $data/keys/$purpose.pub is not: move keys/ away to start with new keys, or put the public key back."
    fi
  done
  told=$("${candor[@]}" keys new --out ./keys 2>&1) || stop "no recording keys could be made: $told"
  printf '%s\n' "$told"
  say "recording keys were made. Whoever holds the private ones in keys/ can listen to the recordings."
  say "Move them off this machine before the first real call; the server needs only the public ones."
}

# The key that requests to be called back are sealed to. Made once; the private half stays with the colleagues.
make_desk_key() {
  local told data=${CANDOR_STORAGE__FOLDER:-data}
  if [[ -f $data/keys/desk.pub || -e keys/desk.key ]]; then return; fi
  told=$("${candor[@]}" keys desk --out ./keys 2>&1) || warn "no key for the desk could be made, so call-backs are not offered: $told"
  printf '%s\n' "$told"
}

# A colleague for trying it, with a token that is new each time, unless the configuration names some.
sign_up_a_colleague() {
  if grep -q '^\[desk\.colleagues' "$config" || env | grep -q '^CANDOR_DESK__COLLEAGUES__'; then
    token='(as your configuration says)'
    return
  fi
  token=try-$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')
  export CANDOR_DESK__COLLEAGUES__DEMO__TOKEN=$token
}

# What Dutch and English need, from whatever can be reached. Without it callers have keys, and the server says so.
install_models() {
  if [[ -n $(hears nl) && -n $(hears en) ]]; then return; fi
  say "getting what Dutch and English callers are understood with"
  "${candor[@]}" models install nl en || true
}

# hears LANGUAGE: the model that hears it.
hears() {
  "${candor[@]}" models list | awk -v language="$1" '
    sub(/, hears /, "\t") { split($0, part, "\t"); if (index(", " part[2] ",", ", " language ",")) { print $1; exit } }'
}

heard_by() {
  local model
  model=$(hears "$1")
  if [[ -n $model ]]; then echo "keys and speech ($model)"; else echo "keys only, for want of a model"; fi
}

tell() {
  cat <<LINES

  Call it from your browser     http://$address/
  Take calls over, at the desk  http://$address/desk     token: $token
  Is it ready?                  http://$address/readyz
  What it counts                http://$address/metrics
  Dutch callers are heard by    $(heard_by nl)
  English callers by            $(heard_by en)

  Telephone calls come in at ws://$address/twilio. In another terminal, call it as a telephone would:
    make call ARGS="--press 1"                  say yes to the recording, by key
    make call ARGS="--press 2"                  say no, and get the same help
    make call ARGS="--out heard.wav"            say nothing; listen later to what the agent said
    make call ARGS="--help"                     all that the caller can do

  Stop with Ctrl-C: calls in progress are told so, and handed over where there is somebody.

LINES
}

build
install_models
make_keys
make_desk_key
sign_up_a_colleague
tell
exec "${candor[@]}" serve
