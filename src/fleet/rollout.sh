# shellcheck shell=bash
# Follow-up (see files.sh) that brings one instance to a release with its unit and environment: out of the load
# balancers → stop → switch → start → healthy → back in. When a step fails, `undo` puts back what served before.
# A run that was cut off anywhere is made good by the next one: $changing lies there from the first change to the end.
# Goes with release.sh and contents.sh (the artifact) and balancers.sh (the agent and the load balancers).
: "${APP:?}"                              # name of the application and of its systemd unit
: "${INSTANCE:?}" "${POOL:?}"             # this instance's name, and the pool it is a server of
: "${ADDRESS:?}" "${PORT:?}" "${HEALTH_PATH:?}"
: "${ARTIFACT_SHA256:?}" "${ARTIFACT_NAME:?}"
: "${ARTIFACT_SOURCE:?}"                  # a path in the container, or an http(s) URL
# SECRETS, optional: environment file that the application is started with and that is not part of this unit
: "${LOAD_BALANCERS?}"                    # ADDRESS:PORT of each one's statistics, separated by blanks
: "${DRAIN_SECONDS:?}" "${HEALTH_SECONDS:?}" "${DOWNLOAD_SECONDS:?}" "${KEEP_RELEASES:?}"

home=/opt/veza/$APP
wanted=releases/${ARTIFACT_SHA256:0:12} # what `current` points to in the end, relative to $home
changing=$home/.changing                # holds what `current` pointed to before; empty at a first deployment
answers=$home/.answers                  # port and health path of the last version that served
stopped=                                # set when this run has begun to touch the running application
resumed=                                # set when an earlier run was cut off
outcome=                                # what has become of the wanted release
why=                                    # why the last wait ended without success

follow_up() {
  if settled; then remember; return; fi
  recall
  obtain_release
  find_load_balancers
  begin
  start_agent
  take_out
  stop_application || fail "$INSTANCE: $why"
  switch
  if in_maintenance; then stay_out; else serve; fi
  rm -f "$changing"
  remember || : # what stays old belongs to nothing that is put back; the next run writes it
  prune
  note "$INSTANCE: $wanted $outcome"
}

serve() {
  if start_application; then healthy_within "$HEALTH_SECONDS"; else false; fi ||
    fail "$INSTANCE: $wanted did not become healthy: $why"
  take_in || fail "$INSTANCE: $wanted is healthy, but $why"
  steady || fail "$INSTANCE: $wanted became healthy and then $why"
  outcome=serves
}

# An operator keeps the applications stopped (bin/veza maintenance), and systemd would not start this one.
in_maintenance() { [ -e /var/lib/veza/notes/services-stopped ]; }

stay_out() {
  agent_says 'up 100%' # heard when the maintenance is over; until then the agent says down
  outcome='is in place and stays stopped until bin/veza maintenance down, which finds out whether it is healthy'
}

settled() {
  [ ! -e "$changing" ] && ! restart_is_due && ! any_changed / && [ "$(readlink "$home/current")" = "$wanted" ] && has_release &&
    is_enabled "$APP" && is_enabled veza-agent && systemctl is-active --quiet veza-agent && runs_as_wanted
}

runs_as_wanted() {
  if in_maintenance; then [ "$(systemctl is-active "$APP")" != active ]; else runs_what_is_there && answers_within 5; fi
}

# Asked for both at once, systemd would be content with one of them.
is_enabled() { systemctl is-enabled --quiet "$1"; } # SERVICE

# True when the application was started with the unit, environment and secrets that are there now.
runs_what_is_there() {
  local started file
  [ "$(systemctl show -P NeedDaemonReload "$APP" veza-agent | grep -c yes)" -eq 0 ] || return 1
  started=$(date -d "$(systemctl show -P ActiveEnterTimestamp "$APP")" +%s)
  for file in "/etc/systemd/system/$APP.service" "/etc/veza/$APP.env" ${SECRETS:+"$SECRETS"}; do
    [ "$(stat -c %Z "$file")" -le "$started" ] || return 1
  done
}

# What files.sh keeps for `restore` belongs to a run that was cut off; without one it is left over and out of date.
recall() {
  if [ -e "$changing" ]; then
    resumed=yes
    note "$INSTANCE: an earlier roll-out was cut off; starting over"
  else
    # shellcheck disable=SC2154 # set by files.sh
    rm -rf "$backup" "$unit_dir/added"
  fi
}

remember() {
  if [ -f "$answers" ] && [ "$(cat "$answers")" = "$PORT $HEALTH_PATH" ]; then return; fi
  printf '%s %s\n' "$PORT" "$HEALTH_PATH" >"$answers.new"
  mv -f "$answers.new" "$answers"
}

known_health_path() {
  local path=$HEALTH_PATH
  [ ! -f "$answers" ] || read -r _ path <"$answers"
  printf '%s\n' "$path"
}

## The application

is_healthy() {
  answer=$(curl -s -o /dev/null -w '%{http_code}' --max-time 2 "http://$ADDRESS:$PORT$HEALTH_PATH") || answer='no answer'
  [ "$answer" = 200 ] && systemctl is-active --quiet "$APP"
}

answers_within() { # SECONDS
  local deadline=$((SECONDS + $1))
  until is_healthy; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.5
  done
}

restarts() { systemctl show --value --property NRestarts "$APP"; }

steady() {
  if [ "$(restarts)" -gt "$restarts_when_healthy" ]; then why="its process ended"; return 1; fi
  answers_within 3 || { why="stopped answering $HEALTH_PATH: $answer"; return 1; }
}

healthy_within() { # SECONDS
  local deadline=$((SECONDS + $1))
  until is_healthy; do
    case $(systemctl show --value --property ActiveState "$APP") in
      failed | inactive) why="its process ended"; return 1 ;;
    esac
    if [ "$(restarts)" -ge 2 ]; then why="its process keeps ending"; return 1; fi
    if [ "$SECONDS" -ge "$deadline" ]; then why="within $1 s (healthSeconds) $HEALTH_PATH gave $answer"; return 1; fi
    sleep 0.5
  done
  restarts_when_healthy=$(restarts)
}

start_application() {
  systemctl reset-failed "$APP" 2>/dev/null || :
  systemctl start "$APP" 2>/dev/null || { why="its program cannot be started"; return 1; }
}

stop_application() {
  local seconds=$((DRAIN_SECONDS + 15))
  stopped=yes
  if [ "$(systemctl show --value --property LoadState "$APP")" != not-found ] && ! timeout "$seconds" systemctl stop "$APP"; then
    note "$INSTANCE: its process did not end within $seconds s and is killed"
    systemctl kill --signal=KILL "$APP" || :
    timeout 10 systemctl stop "$APP" || { why="its running process cannot be stopped"; return 1; }
  fi
  # Load balancers let go of what the application has left open.
  agent_says down
}

point_current() { # RELEASE, relative to $home
  ln -sfn "$1" "$home/.current.new"
  mv -fT "$home/.current.new" "$home/current"
}

begin() {
  if [ -n "$resumed" ]; then return; fi
  readlink "$home/current" >"$changing.new" || : # no link at a first deployment
  mv -f "$changing.new" "$changing"
}

switch() {
  place
  point_current "$wanted"
  systemctl enable --quiet "$APP" # which has systemd read its units anew
  began=$(date +%s)
}

## When something failed

undo() {
  set +e
  local previous
  if [ ! -e "$changing" ]; then
    restore
    return
  fi
  previous=$(cat "$changing")
  if [ -z "$stopped$resumed" ]; then
    put_files_back || return
    restart_agent
    agent_says 'up 100%'
    rm -f "$changing"
    say_state "the application was not touched${previous:+ and goes on serving $previous}"
    return
  fi
  show_log
  stop_application
  [ -n "$previous" ] || systemctl disable --quiet "$APP" 2>/dev/null
  put_files_back || return
  systemctl daemon-reload
  if [ -z "$previous" ]; then
    rm -f "$home/current"
    place_agent # keeps it out of the load balancers
    restart_agent
    agent_says down
    rm -f "$changing"
    say_state "there was no release before this one, so the application is stopped and its agent says down"
    return
  fi
  point_current "$previous"
  [ ! -f "$answers" ] || read -r PORT HEALTH_PATH <"$answers"
  restart_agent
  if in_maintenance; then
    stay_out
    rm -f "$changing"
    say_state "$previous is in place again, with the unit and environment it had, and stays stopped until bin/veza maintenance down"
  elif start_application && healthy_within "$HEALTH_SECONDS" && take_in; then
    rm -f "$changing"
    say_state "$previous runs again, with the unit and environment it had, and takes requests"
  else
    # Kept in by the agent: load balancers check its health themselves, and it may still recover.
    agent_says 'up 100%'
    say_state "$previous was put back and started, but $why. Look at it: journalctl -u $APP"
  fi
}

# What `restore` needs is still there when it fails, and the next run begins with it.
put_files_back() {
  local status
  (
    set -e
    restore
  )
  status=$?
  [ "$status" = 0 ] || say_state "unit and environment could not be put back (the reason is above), and the application is stopped if it was to be changed. Run up again when the reason is gone"
  return "$status"
}

show_log() {
  [ -n "${began-}" ] || return 0
  journalctl --sync
  printf '%s: last lines of its log:\n' "$INSTANCE" >&2
  journalctl --unit "$APP" --since "@$began" --lines 20 --no-pager --output cat | sed 's/^/  | /' >&2
}

say_state() { printf '%s: state now: %s. Instances that come after it were not touched\n' "$INSTANCE" "$1" >&2; }
