# shellcheck shell=sh
# Runs its arguments, and makes sure that all they print arrives: Incus can lose what comes right before the end. It
# passes signals on, because Incus sends them to this shell alone.
exec 3<&0
child=
ended=
# Set before there is a child: a signal that comes in between would end this shell alone, and leave the child to itself.
# shellcheck disable=SC2317 # the traps call it
pass() { ended=$1; [ -z "$child" ] || kill "$child"; } # STATUS
trap 'pass 130' INT
trap 'pass 143' TERM
trap 'pass 129' HUP
"$@" <&3 3<&- &
child=$!
[ -z "$ended" ] || kill "$child"
wait "$child"
status=$?
sleep 0.05
exit "${ended:-$status}"
