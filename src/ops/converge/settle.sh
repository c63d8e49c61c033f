# shellcheck shell=bash
# Waits until nothing that an earlier update started is still at work on the project's containers: a script outlives
# a killed engine and a cut connection. Parameters: PROJECT, WAIT (seconds).
: "${PROJECT:?}" "${WAIT:?}"

# Processes come and go while find looks at them, which it calls a failure.
holders() {
  { find /proc/[0-9]*/fd -lname "/run/veza/lock/$PROJECT/*" 2>/dev/null || :; } | cut -d/ -f3 | sort -u | tr '\n' ' '
}

main() {
  local deadline=$((SECONDS + WAIT)) left
  while :; do
    left=$(holders)
    [ -n "$left" ] || return 0
    if [ "$SECONDS" -ge "$deadline" ]; then
      printf 'on %s, processes of an earlier update are still at work after %s s: %s. Nothing was changed. Look at them (ps -fp PID), then run this again\n' \
        "$(hostname)" "$WAIT" "$left" >&2
      exit 1
    fi
    sleep 0.5
  done
}
