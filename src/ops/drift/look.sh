# shellcheck shell=bash
# Prints what is on a host and inside its containers, as sections `=== TITLE`; changes nothing. What does not answer says
# so under `=== silent`.
# Parameters: PROJECT, CONTAINERS (names, separated by blanks; the n-th is asked with QUESTION_n), ARTIFACTS (`DIGEST  PATH`
# as sha256sum has them, one a line).
: "${PROJECT:?}" "${CONTAINERS?}" "${ARTIFACTS?}"

at_a_time=4
answer_seconds=45

# Incus can lose what is printed inside: an answer without its end is asked for again.
inside() { # CONTAINER QUESTION
  local said why=''
  for _ in 1 2 3; do
    said=$(timeout --kill-after=2 "$answer_seconds" incus exec "$1" --project "$PROJECT" --mode=non-interactive -- \
      bash -euo pipefail -s <<<"$2" 2>"$directory/why.$1") || {
      case $? in
        124 | 137) why="it did not answer within $answer_seconds s" ;;
        *) why=$(tail -n 1 "$directory/why.$1") ;;
      esac
      break
    }
    if [ "${said##*$'\n'}" = end ]; then
      printf '%s\n' "${said%end}"
      return 0
    fi
  done
  printf '=== silent\n%s\n' "${why:-Incus lost what it said, three times}"
}

main() {
  local container question n=0
  directory=$(mktemp -d)
  trap 'rm -rf "$directory"' EXIT
  for container in $CONTAINERS; do
    n=$((n + 1))
    question=QUESTION_$n
    [ "$n" -le "$at_a_time" ] || wait -n
    inside "$container" "${!question}" >"$directory/$container" &
  done
  printf '=== images\n'
  timeout 30 incus query '/1.0/images/aliases?project=default&recursion=1' </dev/null
  printf '\n=== artifacts\n'
  [ -z "$ARTIFACTS" ] || sha256sum --check --quiet <<<"$ARTIFACTS" 2>/dev/null | sed -n 's/: FAILED.*$//p' || :
  printf '=== flip\n%s\n' "$(cat "/var/lib/veza/$PROJECT/flip" 2>/dev/null || :)"
  wait
  for container in $CONTAINERS; do
    printf '=== container %s\n' "$container"
    cat "$directory/$container"
  done
}
