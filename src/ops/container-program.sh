# shellcheck shell=bash
# Runs one of our programs inside a container. Parameters: WORDS (its path and its words, one a line).
: "${WORDS:?}"

main() {
  local words
  mapfile -t words <<<"$WORDS"
  # Its errors stand where they belong among its other words.
  exec 2>&1
  "${words[@]}"
}
