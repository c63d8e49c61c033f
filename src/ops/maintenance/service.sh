# shellcheck shell=bash
# Runs inside an instance. Parameters: MARK (a file), SERVICE, and DO, which is one of
#   stop   stops the service; it stays stopped while the mark is there, whoever starts it
#   start  starts it; ends with 4 where there is nothing to start yet
#   look   prints what is so now: `service STATE` and `kept stopped|running`
# A roll-out and this wait for each other.
: "${DO:?}" "${MARK:?}" "${SERVICE:?}"

lock=/run/veza-units.lock

fail() { printf '%s\n' "$1" >&2; exit 1; }

alone() {
  exec 9>>"$lock"
  flock --wait 300 9 || fail 'a roll-out has been at work in this container for 300 s, so nothing was done. Try again when it has ended'
}

has_service() { systemctl is-enabled --quiet "$SERVICE" 2>/dev/null; }

stop() {
  alone
  # First, so that the application can say good-bye to its WebSockets: with the mark the agent says down, and load
  # balancers cut them.
  if has_service; then systemctl stop "$SERVICE"; fi
  mkdir -p "${MARK%/*}"
  : >"$MARK"
  sync "$MARK"
}

start() {
  alone
  rm -f "$MARK"
  has_service || { printf 'it has no %s yet: bin/pulumi up brings it\n' "$SERVICE"; exit 4; }
  systemctl reset-failed "$SERVICE" 2>/dev/null || :
  systemctl start "$SERVICE" || fail "$SERVICE cannot be started. Look at it: journalctl -u $SERVICE in this container"
}

look() {
  printf 'service %s\n' "$(systemctl is-active "$SERVICE" || :)"
  if [ -e "$MARK" ]; then printf 'kept stopped\n'; else printf 'kept running\n'; fi
}

main() {
  case $DO in
    stop) stop ;;
    start) start ;;
    look) look ;;
  esac
}
