# shellcheck shell=bash
# Keeps other operators away from the stack's Postgres until standard input ends. Parameters: PROJECT, WHO.
: "${PROJECT:?}" "${WHO:?}"

main() {
  local file=/run/veza/lock/$PROJECT/postgres
  mkdir -p "${file%/*}"
  exec 9>>"$file"
  flock -w 5 9 || {
    printf 'somebody else is at work on this Postgres: %s. Nothing was changed; try again when that has ended\n' \
      "$(cat "$file")" >&2
    exit 1
  }
  printf '%s\n' "$WHO" >"$file"
  echo end
  cat >/dev/null
}
