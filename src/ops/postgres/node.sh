# shellcheck shell=bash
# Has a node's own program do something. Goes with step.sh.
# Parameters: CONTAINER, VERBS (the program's words, a line for each run of it), LIMIT (seconds for all).
# Prints what it said, then `end`; without it, Incus lost some.
: "${CONTAINER:?}" "${VERBS:?}" "${LIMIT:?}"

# shellcheck disable=SC2016
inside='while read -r -a words; do /usr/local/lib/veza/postgres "${words[@]}" </dev/null || exit; done; echo end; sleep 0.05'

main() {
  begin shared
  local status=0
  timeout --kill-after=5 "$LIMIT" incus exec "$CONTAINER" --project "$PROJECT" --mode=non-interactive -- \
    bash -uo pipefail -c "$inside" <<<"$VERBS" 9>&- || status=$?
  case $status in
    0) ;;
    124 | 137) fail "$CONTAINER: '${VERBS//$'\n'/, }' did not end within $LIMIT s. It may still be at work; bin/veza topology shows what came of it" ;;
    127) fail "$CONTAINER has no program /usr/local/lib/veza/postgres: bin/pulumi up brings it" ;;
    *) fail "$CONTAINER: '${VERBS//$'\n'/, }' failed (exit status $status), for the reason above" ;;
  esac
}
