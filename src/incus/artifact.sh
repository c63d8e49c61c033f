# shellcheck shell=bash
# Puts a file at DESTINATION, named by its SHA-256, in a directory that holds its earlier versions and nothing else.
# Parameters: SOURCE, DESTINATION, SHA256, MOVE (yes: SOURCE was brought here for this, and is taken away; no: it is
# somebody's own).
: "${SOURCE:?}" "${DESTINATION:?}" "${SHA256:?}" "${MOVE:?}"

fail() { printf '%s\n' "$1" >&2; exit 1; }

digest() { sha256sum <"$1" | cut -d ' ' -f 1; }
installed() { [ -f "$DESTINATION" ] && [ "$(digest "$DESTINATION")" = "$SHA256" ]; }

install_it() {
  local actual
  [ -f "$SOURCE" ] ||
    fail "artifact $SOURCE is not there, nor is $DESTINATION. Nothing was changed. This brings it again: bin/pulumi up --replace '**-artifact-**'"
  install -D -m 0644 "$SOURCE" "$DESTINATION.part"
  actual=$(digest "$DESTINATION.part")
  if [ "$actual" != "$SHA256" ]; then
    rm -f "$DESTINATION.part"
    fail "artifact $SOURCE has the SHA-256 $actual, expected $SHA256. Nothing was changed"
  fi
  mv -f "$DESTINATION.part" "$DESTINATION"
}

# The three newest stay: the state may still name the one before, should this update fail or be taken back.
forget_old() {
  local file
  find "$(dirname "$DESTINATION")" -maxdepth 1 -type f -printf '%T@ %p\n' | sort -rn | tail -n +4 | cut -d ' ' -f 2- |
    while IFS= read -r file; do rm -f "$file"; done
}

main() { # apply | delete
  local directory
  directory=$(dirname "$DESTINATION")
  if [ "$1" = delete ]; then
    rm -rf "$directory"
    rmdir -p --ignore-fail-on-non-empty "$(dirname "$directory")" 2>/dev/null || :
    return 0
  fi
  installed || install_it
  touch "$DESTINATION"
  forget_old
  [ "$MOVE" = no ] || rm -f "$SOURCE"
}
