# shellcheck shell=bash
# Runs inside a node: prints what it says of itself, then `end`. Argument: the node's name.
main() {
  printf '=== details %s\n' "$1"
  timeout 8 /usr/local/lib/veza/postgres status
  printf '\nend\n'
  # Incus can lose what is printed right before the end.
  sleep 0.05
}
main "$@"
