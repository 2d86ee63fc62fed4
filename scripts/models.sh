#!/usr/bin/env bash
# Fetches the Dutch and English models from their publisher into the cache, once. A language without its model is
# answered by keys only. CANDOR_MODELS_MIRROR names another address that serves the same archives.
set -euo pipefail
source "$(dirname "$0")/environment.sh"

publisher=${CANDOR_MODELS_MIRROR:-https://alphacephei.com/vosk/models}

# Language, model, bytes and SHA-256 of its archive. Another archive under the same name is refused.
archives() {
  cat <<'LINES'
Dutch vosk-model-small-nl-0.22 40441176 039811c3b829de64e4f123a9f684a53784005b212a346ac0b899dc7efce2ed0a
English vosk-model-small-en-us-0.15 41205931 30f26242c4eb449f948e42cb302dd7a686cb29a3423a8367f99ff41780942498
LINES
}

size_of() { stat --format=%s "$1" 2>/dev/null || echo 0; }

# download ADDRESS PART BYTES: goes on where an earlier download stopped. Exit status as curl's.
download() {
  local address=$1 part=$2 bytes=$3 status=0
  if (($(size_of "$part") > bytes)); then rm -f "$part"; fi
  if (($(size_of "$part") == bytes)); then return 0; fi
  if [[ -s $part ]]; then say "going on where the last download stopped, at $(size_of "$part") of $bytes bytes"; fi
  curl --fail --location --progress-bar --connect-timeout 4 --speed-limit 1024 --speed-time 30 \
    --max-filesize "$bytes" --continue-at - --output "$part" "$address" || status=$?
  # 33: this server cannot go on in the middle of a file.
  if [[ $status == 33 ]]; then
    rm -f "$part"
    download "$address" "$part" "$bytes"
  else
    return "$status"
  fi
}

unpack() {
  local name=$1 part=$2
  work=$(mktemp -d "$models/.unpacking.XXXXXX") || return 1
  trap 'rm -rf "$work"' EXIT
  python3 -m zipfile -e "$part" "$work" && mv "$work/$name" "$models/$name" && rm -rf "$work" "$part"
}

# fetch NAME BYTES SHA256: 0 when the model is in place, 7 when the publisher cannot be reached, 1 otherwise.
fetch() {
  local name=$1 bytes=$2 sha256=$3 part=$models/$1.zip.part found begun status=0
  begun=$(size_of "$part")
  download "$publisher/$name.zip" "$part" "$bytes" || status=$?
  if [[ $status != 0 ]]; then
    if [[ -s $part ]]; then say "the download stopped at $(size_of "$part") of $bytes bytes; the next run goes on from there"; fi
    case $status in
      # Curl: no such proxy, no such host, no connection, none in time, no TLS.
      5 | 6 | 7 | 28 | 35) return 7 ;;
      *) return 1 ;;
    esac
  fi
  found=$(sha256sum "$part" | cut -d' ' -f1)
  if [[ $found == "$sha256" ]]; then
    unpack "$name" "$part"
    return
  fi
  rm -f "$part"
  warn "$name.zip has the wrong checksum and was thrown away: SHA-256 $found, expected $sha256"
  if ((begun == 0)); then return 1; fi
  say "a part of it came from an earlier run; fetching it anew"
  fetch "$name" "$bytes" "$sha256"
}

main() {
  local language name bytes sha256 status reached=1
  mkdir -p "$models"
  while read -r language name bytes sha256; do
    if has_model "$name"; then continue; fi
    status=7
    if [[ $reached == 1 ]] && has curl && has python3; then
      say "fetching the $language model ($name, $((bytes / 1000000)) MB)"
      status=0
      fetch "$name" "$bytes" "$sha256" </dev/null || status=$?
    fi
    case $status in
      0) say "$language model: $models/$name" ;;
      7) reached=0 ;;
    esac
    if [[ $status != 0 ]]; then
      warn "no $language model from $publisher. $language is answered by keys only; all else works. The next run tries again."
    fi
  done < <(archives)
}
main "$@"
