# shellcheck shell=bash
# Runs a program of ours in a container. Goes with about-container.sh.
# Parameters: PROJECT, CONTAINER, WORDS (the program's path and its words, one a line), LIMIT (seconds).
# Prints what it said, `end`, and on the last line the status that it ended with. Without the `end`, Incus lost some.
: "${WORDS:?}" "${LIMIT:?}"

# The pause is for Incus, which can lose what is printed right before the end.
# shellcheck disable=SC2016
inside='"$@"; status=$?; echo end; sleep 0.1; exit "$status"'

main() {
  local words status=0 called
  mapfile -t words <<<"$WORDS"
  called=${words[*]}
  called=${called##*/veza/}
  look
  case ${state-} in
    RUNNING) ;;
    '') fail "this container is not there. bin/pulumi up makes it again" ;;
    *) fail "this container is $state. Start it: incus start $CONTAINER --project $PROJECT" ;;
  esac
  # Its errors stand where they belong among its other words. A client that hangs is ended; what it started goes on.
  timeout --kill-after=5 "$LIMIT" incus exec "$CONTAINER" --project "$PROJECT" --mode=non-interactive -- \
    bash -c "$inside" bash "${words[@]}" </dev/null 2>&1 || status=$?
  case $status in
    124 | 137) fail "'$called' did not end within $LIMIT s. It may still be at work there: bin/veza logs $CONTAINER --unit '*' shows what came of it" ;;
    127) fail "this container has no program ${words[0]}: the update that brings it did not get that far. bin/pulumi up does it" ;;
  esac
  printf '\n%s\n' "$status"
}
