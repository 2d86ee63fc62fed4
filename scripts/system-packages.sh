#!/usr/bin/env bash
# Installs the system packages that are missing: with apt when run by root, else by printing the command to type.
set -euo pipefail
source "$(dirname "$0")/environment.sh"

# One line each: the check, the Debian packages that satisfy it, what does not work without it.
# A line that begins with "must" stops the set-up when it cannot be had; "may" is said and passed over.
needs() {
  cat <<'LINES'
must|has cc|gcc libc6-dev|no C compiler: SQLite cannot be built
must|has c++|g++|no C++ compiler: the engine for Dutch and English cannot be built
must|has cmake|cmake|no cmake: the Opus codec of browser calls and the engine for Dutch and English cannot be built
must|has espeak-ng|espeak-ng|no espeak-ng: the agent cannot speak
may|has_certificates|ca-certificates|no CA certificates: nothing can be fetched over HTTPS
may|has_python|python3 python3-venv|no Python with venv: the recogniser library cannot be fetched, every language is answered by keys only
may|has age|age|no age: recordings can be opened with candor only, not with standard tools
LINES
  # What one purpose alone needs.
  case $1 in
    test)
      echo "may|has_chromium|chromium chromium-driver|no Chromium with its driver: the tests in a browser are left out"
      echo "may|has soxi|sox|no sox: it is not tried whether another program opens a recording"
      echo "may|has sipp|sip-tester|no sipp: the telephones that call a real Asterisk by SIP are left out"
      echo "may|has opusdec|opus-tools|no opusdec: it is not tried whether another program opens a recording of a browser's call"
      ;;
    lint)
      echo "may|has shellcheck|shellcheck|no shellcheck: the scripts are not checked"
      echo "may|has_speech_headers|libspeechd-dev libclang-dev|no headers of speech-dispatcher: the build that speaks aloud is not checked"
      ;;
  esac
}

has_certificates() { [[ -s /etc/ssl/certs/ca-certificates.crt || -n ${SSL_CERT_FILE:-} ]]; }
has_chromium() { has chromium && has chromedriver; }
has_python() { has python3 && python3 -c 'import ensurepip, venv' >/dev/null 2>&1 </dev/null; }

# Prints the lines of needs() whose check fails.
missing() {
  local kind check packages reason
  while IFS='|' read -r kind check packages reason; do
    $check || printf '%s|%s|%s|%s\n' "$kind" "$check" "$packages" "$reason"
  done < <(needs "$1")
}

install() {
  if ! has apt-get; then
    warn "this is not a Debian system, so the packages must come from you: $*"
  elif [[ $(id -u) != 0 ]]; then
    stop "system packages are missing. Type this, then run make again:
  sudo apt-get update && sudo apt-get install --yes --no-install-recommends $*"
  else
    say "installing system packages: $*"
    export DEBIAN_FRONTEND=noninteractive
    # An outdated list may still serve, so a failing update alone is not the end.
    apt-get update --quiet=2 || warn "apt could not update its lists"
    apt-get install --yes --quiet --no-install-recommends "$@" </dev/null || warn "apt could not install: $*"
  fi
}

report_what_is_still_missing() {
  local kind check packages reason essential=0
  while IFS='|' read -r kind check packages reason; do
    warn "$reason (Debian: $packages)"
    if [[ $kind == must ]]; then essential=1; fi
  done < <(missing "$1")
  if [[ $essential == 1 ]]; then stop "cannot go on without these."; fi
}

main() {
  local purpose=${1:-run} lines packages
  lines=$(missing "$purpose")
  if [[ -z $lines ]]; then return; fi
  packages=$(cut -d'|' -f3 <<<"$lines" | tr '\n' ' ')
  # shellcheck disable=SC2086  # a list of names, split on purpose
  install $packages
  report_what_is_still_missing "$purpose"
}
main "$@"
