# shellcheck shell=sh
# Runs its arguments, and makes sure that all they print arrives: Incus can lose what comes right before the end. It
# passes signals on, because Incus sends them to this shell alone.
exec 3<&0
"$@" <&3 3<&- &
child=$!
trap 'kill "$child"' INT TERM HUP
wait "$child"
status=$?
sleep 0.05
exit "$status"
