# shellcheck shell=bash
# Takes longer than its caller allows, in a program of its own. MARK: found on that program's command line.
: "${MARK:?}"

main() {
  echo begun
  bash -c 'sleep 30; :' "$MARK"
}
