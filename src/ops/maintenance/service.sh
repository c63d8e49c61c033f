# shellcheck shell=bash
# Runs inside an instance. Arguments: one of
#   stop MARK SERVICE   stops the service; it stays stopped while the file MARK is there, whoever starts it
#   start MARK SERVICE  starts it; ends with 4 where there is nothing to start yet
#   look MARK SERVICE   prints what is so now: `service STATE` and `kept stopped|running`
# A roll-out and this wait for each other.
lock=/run/veza-units.lock

fail() { printf '%s\n' "$1" >&2; exit 1; }

alone() {
  exec 9>>"$lock"
  flock --wait 300 9 || fail 'a roll-out has been at work in this container for 300 s, so nothing was done. Try again when it has ended'
}

has_service() { systemctl is-enabled --quiet "$1" 2>/dev/null; } # SERVICE

stop() { # MARK SERVICE
  alone
  # First, so that the application can say good-bye to its WebSockets: with the mark the agent says down, and load
  # balancers cut them.
  if has_service "$2"; then systemctl stop "$2"; fi
  mkdir -p "${1%/*}"
  : >"$1"
  sync "$1"
}

start() { # MARK SERVICE
  alone
  rm -f "$1"
  has_service "$2" || { printf 'it has no %s yet: bin/pulumi up brings it\n' "$2"; exit 4; }
  systemctl reset-failed "$2" 2>/dev/null || :
  systemctl start "$2" || fail "$2 cannot be started. Look at it: journalctl -u $2 in this container"
}

look() { # MARK SERVICE
  printf 'service %s\n' "$(systemctl is-active "$2" || :)"
  if [ -e "$1" ]; then printf 'kept stopped\n'; else printf 'kept running\n'; fi
}

main() {
  "$@"
  echo end
  # Incus can lose what is printed right before the end.
  sleep 0.05
}
main "$@"
