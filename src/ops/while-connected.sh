# shellcheck shell=sh
# Runs its arguments, which read nothing, until they end; or until standard input does, because whoever asked for them is
# gone: without a terminal nobody else would tell them.
exec 3<&0
"$@" </dev/null 3<&- &
child=$!
{
  cat <&3 >/dev/null
  kill "$child" 2>/dev/null
} >/dev/null 2>&1 &
watching=$!
wait "$child"
status=$?
kill "$watching" 2>/dev/null
exit "$status"
