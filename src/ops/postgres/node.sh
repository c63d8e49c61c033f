# shellcheck shell=bash
# Runs inside a node (see inside.sh): each line is words for the node's own program.

# Incus can lose what is printed right before the end.
trap 'sleep 0.05' EXIT

main() {
  local words
  echo end
  while read -r -a words; do
    /usr/local/lib/veza/postgres "${words[@]}" </dev/null
    echo end
  done
}
main
