# shellcheck shell=bash
# Has every router on this host change what it does with a node. Goes with step.sh.
# Parameters: ROUTERS (a name a line), VERB (close | open | ready), NODE, INSIDE (router.sh).
: "${ROUTERS:?}" "${VERB:?}" "${NODE:?}" "${INSIDE:?}"

main() {
  local name pids=() failed=0 pid
  begin shared
  for name in $ROUTERS; do
    timeout --kill-after=2 25 incus exec "$name" --project "$PROJECT" --mode=non-interactive -- \
      bash -euo pipefail -s "$VERB" "$NODE" <<<"$INSIDE" 9>&- &
    pids+=("$!")
  done
  for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
  [ "$failed" = 0 ] || fail "$(hostname): not every router of ${ROUTERS//$'\n'/, } did '$VERB $NODE', for the reason above"
}
