# shellcheck shell=bash
# Prints the note of a flip that is under way on this host, or nothing. Parameters: PROJECT.
: "${PROJECT:?}"

main() { cat "/var/lib/veza/$PROJECT/flip" 2>/dev/null || :; }
