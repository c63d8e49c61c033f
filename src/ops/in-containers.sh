# shellcheck shell=bash
# Runs a script inside each of several containers of this host, at the same time.
# Parameters: PROJECT, CONTAINERS (names, separated by blanks; the n-th runs SCRIPT_n, which defines `main`), AT_ONCE (how
# many at a time), TRIES (how often a script is run whose words get lost), LIMIT (seconds for each).
# Prints for each a line of words: its name; Incus' word for its state, `-` where there is none; the status that the script
# ended with; whole or lost; and in base64 what it printed, and what it, or whoever could not run it, complained of.
: "${PROJECT:?}" "${CONTAINERS?}" "${AT_ONCE:?}" "${TRIES:?}" "${LIMIT:?}"

# Incus can lose what is printed right before the end, so there is a pause; what has no `end` is not all. On one line,
# because a text that was cut off must not end like a whole one.
# shellcheck disable=SC2016
call='trap '\''status=$?; printf "\nend\n"; sleep 0.05; exit "$status"'\'' EXIT; main </dev/null'

run() { # N CONTAINER SCRIPT
  local said status whole state=RUNNING complaint=$directory/$1.complaint try
  for ((try = 0; try < TRIES; try++)); do
    status=0 whole=lost
    said=$(timeout --kill-after=5 "$LIMIT" incus exec "$2" --project "$PROJECT" --mode=non-interactive -- \
      bash -euo pipefail -s <<<"$3"$'\n'"$call" 2>"$complaint") || status=$?
    if [ "${said##*$'\n'}" = end ]; then whole=whole said=${said%$'\n'end}; fi
    if [ "$whole" = whole ] || [ "$status" != 0 ]; then break; fi
  done
  [ "$whole" = whole ] || explain "$2" "$status"
  printf '%s %s %s %s %s %s\n' "$2" "$state" "$status" "$whole" \
    "$(base64 -w 0 <<<"$said")" "$(base64 -w 0 <"$complaint")" >"$directory/$1"
}

# Sets `state`, and says in place of Incus why the script did not come to its end, where that is known.
explain() { # CONTAINER STATUS
  local listed
  listed=$(timeout 60 incus list --all-projects --format csv --columns ens </dev/null 2>>"$complaint") || {
    cp "$complaint" "$directory/no-answer"
    return 0
  }
  state=$(awk -F, -v project="$PROJECT" -v name="$1" '$1 == project && $2 == name { print $3 }' <<<"$listed")
  case ${state:=-}:$2 in
    -:*) printf 'this container is not there: bin/pulumi up makes it\n' ;;
    RUNNING:124 | RUNNING:137) printf 'it did not end within %s s\n' "$LIMIT" ;;
    RUNNING:0) printf 'Incus lost what it said\n' ;;
    RUNNING:*) cat "$complaint" ;;
    *) printf 'this container is %s. Start it: incus start %s --project %s\n' "$state" "$1" "$PROJECT" ;;
  esac >"$complaint.new"
  mv -f "$complaint.new" "$complaint"
}

main() {
  local container script n=0 at
  directory=$(mktemp -d)
  trap 'rm -rf "$directory"' EXIT
  for container in $CONTAINERS; do
    n=$((n + 1))
    script=SCRIPT_$n
    [ "$n" -le "$AT_ONCE" ] || wait -n
    run "$n" "$container" "${!script}" &
  done
  wait
  if [ -e "$directory/no-answer" ]; then
    cat "$directory/no-answer" >&2
    printf 'Incus does not answer on %s, for the reason above. See: systemctl status incus\n' "$(hostname)" >&2
    exit 1
  fi
  for ((at = 1; at <= n; at++)); do cat "$directory/$at"; done
}
