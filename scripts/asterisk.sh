#!/usr/bin/env bash
# Fetches a real Asterisk for the tests, once: Debian's, with all that it depends on, unpacked into the cache. Nothing is installed on this machine, and no
# root is needed. Debian 12 has no Asterisk, so it comes from Debian's suite "sid"; its own C library comes with it.
set -euo pipefail
source "$(dirname "$0")/environment.sh"

target=$tools/asterisk
packages=(asterisk asterisk-modules libc6)
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
without="no Asterisk: the tests that place calls through one are passed over"

# The mirror that this machine has Debian from, for sid is not in its sources.
mirror() {
  local found
  # shellcheck disable=SC2016  # apt's variable, not the shell's
  found=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep -m 1 '/debian/$') || true
  echo "${found:-http://deb.debian.org/debian/}"
}

# A tree of its own for apt, in this folder: nothing of the machine's is read but how it reaches the network, nothing of it is changed.
make_tree() {
  local tree=$1
  mkdir -p "$tree"/{lists,archives}/partial "$tree"/{sources.list.d,preferences.d}
  touch "$tree/status"
  echo "deb [signed-by=$keyring] $(mirror) sid main" >"$tree/sources.list"
  cat >"$tree/apt.conf" <<CONF
Dir::Etc::sourcelist "$tree/sources.list";
Dir::Etc::sourceparts "$tree/sources.list.d";
Dir::Etc::preferences "$tree/preferences";
Dir::Etc::preferencesparts "$tree/preferences.d";
Dir::State "$tree";
Dir::State::lists "$tree/lists";
Dir::State::status "$tree/status";
Dir::Cache "$tree";
APT::Install-Recommends "false";
APT::Sandbox::User "";
APT::Update::Post-Invoke "";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
Acquire::Retries "2";
Debug::NoLocking "true";
DPkg::Post-Invoke "";
CONF
}

# The loader of the tree's own C library, which is newer than this machine's.
write_program() {
  local folder=$1 loader libraries
  loader=$(find "$folder/usr/lib64" "$folder/usr/lib" -name 'ld-linux-*.so.*' 2>/dev/null | head -n 1)
  libraries=$(dirname "$(find "$folder/usr/lib" -path '*/asterisk/modules' | head -n 1)")
  if [[ -z $loader || ! -x $folder/usr/sbin/asterisk || ! -d $libraries/modules ]]; then return 1; fi
  cat >"$folder/asterisk" <<PROGRAM
#!/bin/sh
# Asterisk as it lies in this folder; the arguments are its own.
here=\$(dirname "\$(readlink -f "\$0")")
lib=\$here/${libraries#"$folder/"}
exec "\$here/${loader#"$folder/"}" --inhibit-cache --library-path "\${lib%/asterisk}:\$lib" "\$here/usr/sbin/asterisk" "\$@"
PROGRAM
  chmod +x "$folder/asterisk"
  # Where the modules are; the configuration of a running one needs to know.
  ln -s "${libraries#"$folder/"}/modules" "$folder/modules"
}

fetch() {
  local package
  work=$(mktemp -d "$target.XXXXXX") || return 1
  trap 'rm -rf "$work"' EXIT
  make_tree "$work/apt"
  export APT_CONFIG=$work/apt/apt.conf
  apt-get update --quiet=2 &&
    apt-get install --yes --quiet=2 --download-only "${packages[@]}" </dev/null || return 1
  mkdir "$work/asterisk"
  for package in "$work"/apt/archives/*.deb; do
    dpkg-deb --extract "$package" "$work/asterisk" || return 1
  done
  # What it runs without: two thirds of it.
  rm -rf "$work"/asterisk/usr/share/{doc,man,info,locale,perl,i18n,zoneinfo} "$work"/asterisk/usr/lib/*/{perl,perl-base,gconv}
  write_program "$work/asterisk" && "$work/asterisk/asterisk" -V >"$work/asterisk/version.txt" || return 1
  rm -rf "$target"
  mv "$work/asterisk" "$target"
}

main() {
  if [[ -f $target/version.txt ]]; then return; fi
  if ! has apt-get || ! has dpkg-deb || [[ ! -f $keyring ]]; then
    warn "$without. It is fetched with Debian's apt, which this machine does not have."
    return
  fi
  say "fetching Asterisk for the tests (100 MB from Debian sid, into $target)"
  mkdir -p "$tools"
  if fetch; then
    say "$(cat "$target/version.txt") is in $target"
  else
    warn "$without. Run make test again with a network in which Debian's suite sid can be reached."
  fi
}
main "$@"
