# shellcheck shell=bash
# Keeps other operators away from a part of a stack on this host, from when it is told to until standard input ends.
# Answers with who has it, or with nothing where it was free. Parameters: PROJECT, PART, WHO.
: "${PROJECT:?}" "${PART:?}" "${WHO:?}"

main() {
  local file=/run/veza/lock/$PROJECT/$PART
  mkdir -p "${file%/*}"
  exec 9>>"$file"
  echo end
  read -r
  if flock -w 5 9; then
    printf '%s\n' "$WHO" >"$file"
  else
    cat "$file"
    exec 9>&-
  fi
  echo end
  cat >/dev/null
}
