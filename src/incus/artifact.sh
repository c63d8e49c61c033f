# shellcheck shell=bash
# Puts a file of the machine that runs the engine at DESTINATION on its own host, named by its SHA-256.
# Parameters: SOURCE, DESTINATION, SHA256.
: "${SOURCE:?}" "${DESTINATION:?}" "${SHA256:?}"

fail() { printf '%s\n' "$1" >&2; exit 1; }

main() { # apply | delete
  local actual
  if [ "$1" = delete ]; then
    rm -f "$DESTINATION"
    return 0
  fi
  if [ -f "$DESTINATION" ] && [ "$(sha256sum <"$DESTINATION")" = "$SHA256  -" ]; then return 0; fi
  [ -f "$SOURCE" ] || fail "artifact $SOURCE is not there. Nothing was changed"
  actual=$(sha256sum <"$SOURCE")
  [ "$actual" = "$SHA256  -" ] || fail "artifact $SOURCE has the SHA-256 ${actual%  -}, expected $SHA256. Nothing was changed"
  install -D -m 0644 "$SOURCE" "$DESTINATION.part"
  mv -f "$DESTINATION.part" "$DESTINATION"
}
