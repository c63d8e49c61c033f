#!/bin/sh
# Answers one agent check of a load balancer with one line: what a roll-out had written, else `up`; `down` while
# bin/veza maintenance keeps the application stopped.
# `up 100%` undoes the weight 0 that load balancers remember of a roll-out. It is said for 15 s only, after a boot and
# after a roll-out, because it would undo an operator's own weight as well.
if [ -e /var/lib/veza/notes/services-stopped ]; then
  echo down
  exit
fi
state=/run/veza/agent
since=$state
line='up 100%'
if ! read -r line 2>/dev/null <"$state"; then
  since=/run/veza # made at boot
fi
if [ "$line" = 'up 100%' ] && [ -z "$(find "$since" -maxdepth 0 -newermt '-15 seconds')" ]; then
  line=up
fi
printf '%s\n' "$line"
