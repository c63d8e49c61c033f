# shellcheck shell=bash disable=SC2154
# Writes down what is begun, or with an empty NEXT that it has ended. Goes with step.sh. Parameters: NEXT.
: "${NEXT?}"

main() {
  begin exclusive
  if [ -n "$NEXT" ]; then
    mkdir -p "${note%/*}"
    printf '%s\n' "$NEXT" >"$note.new"
    sync "$note.new"
    mv -f "$note.new" "$note"
  else
    rm -f "$note"
    rmdir --ignore-fail-on-non-empty "${note%/*}"
  fi
}
