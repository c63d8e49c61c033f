# shellcheck shell=bash
# Follow-up (see files.sh) that brings one instance to a release with its unit and environment: out of the load
# balancers → stop → switch → start → healthy → back in. When a step fails, `undo` puts back what served before.
# A run that was cut off anywhere is made good by the next one: $changing lies there from the first change to the end.
: "${APP:?}"                              # name of the application and of its systemd unit
: "${INSTANCE:?}" "${POOL:?}"             # this instance's name, and the pool it is a server of
: "${ADDRESS:?}" "${PORT:?}" "${HEALTH_PATH:?}"
: "${ARTIFACT_SHA256:?}" "${ARTIFACT_NAME:?}"
: "${ARTIFACT_SOURCE:?}"                  # a path in the container, or an http(s) URL
: "${LOAD_BALANCERS?}"                    # ADDRESS:PORT of each one's statistics, separated by blanks
: "${DRAIN_SECONDS:?}" "${HEALTH_SECONDS:?}" "${DOWNLOAD_SECONDS:?}" "${KEEP_RELEASES:?}"

home=/opt/veza/$APP
wanted=releases/${ARTIFACT_SHA256:0:12} # what `current` points to in the end, relative to $home
changing=$home/.changing                # holds what `current` pointed to before; empty at a first deployment
blob=/var/lib/veza/artifacts/$ARTIFACT_SHA256
balancers=()                            # the load balancers that answered at the beginning
stopped=                                # set when this run has begun to touch the running application
resumed=                                # set when an earlier run was cut off
why=                                    # why the last wait ended without success

follow_up() {
  if settled; then return; fi
  recall
  obtain_release
  find_load_balancers
  begin
  start_agent
  take_out
  stop_application || fail "$INSTANCE: $why"
  switch
  if start_application; then healthy_within "$HEALTH_SECONDS"; else false; fi ||
    fail "$INSTANCE: $wanted did not become healthy: $why"
  take_in || fail "$INSTANCE: $wanted is healthy, but $why"
  steady || fail "$INSTANCE: $wanted became healthy and then $why"
  rm -f "$changing"
  prune
  note "$INSTANCE: $wanted serves"
}

settled() {
  [ ! -e "$changing" ] && ! any_changed / && [ "$(readlink "$home/current")" = "$wanted" ] && has_release &&
    systemctl is-enabled --quiet "$APP" veza-agent && systemctl is-active --quiet veza-agent && answers_within 5
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

## The release

is_archive() { case $ARTIFACT_NAME in *.tar.gz | *.tgz) return 0 ;; *) return 1 ;; esac }
has_release() { if is_archive; then [ -d "$home/$wanted" ]; else [ -f "$home/$wanted/$ARTIFACT_NAME" ]; fi; }

obtain_release() {
  local actual unchanged='Nothing was changed'
  if has_release; then return; fi
  mkdir -p "$home/releases" "${blob%/*}"
  case $ARTIFACT_SOURCE in http://* | https://*) download ;; esac
  [ -f "$blob" ] || fail "$INSTANCE: the artifact is not in the container ($blob). $unchanged"
  actual=$(sha256sum <"$blob")
  actual=${actual%% *}
  if [ "$actual" != "$ARTIFACT_SHA256" ]; then
    rm -f "$blob"
    fail "$INSTANCE: the artifact $ARTIFACT_SOURCE has the wrong checksum.
  expected $ARTIFACT_SHA256
  found    $actual
$unchanged. Correct the artifact or its sha256 and run up again"
  fi
  if is_archive; then unpack; else install_file; fi ||
    fail "$INSTANCE: no release could be made of the artifact $ARTIFACT_NAME (the reason is above). $unchanged"
  case $ARTIFACT_SOURCE in http://* | https://*) rm -f "$blob" ;; esac
}

download() {
  [ ! -f "$blob" ] || return 0
  curl -fsSL --proto '=http,https' --connect-timeout 10 --max-time "$DOWNLOAD_SECONDS" --retry 2 \
    -o "$blob.incoming" "$ARTIFACT_SOURCE" ||
    fail "$INSTANCE: the artifact could not be downloaded from $ARTIFACT_SOURCE within $DOWNLOAD_SECONDS s (the reason is above). $unchanged"
  mv -f "$blob.incoming" "$blob"
}

# A release has its name only when it is complete.
unpack() {
  local incoming=$home/releases/.incoming
  rm -rf "$incoming" && mkdir "$incoming" &&
    tar -xzf "$blob" -C "$incoming" --no-same-owner --no-same-permissions &&
    chmod -R a+rX,go-w "$incoming" && sync -f "$incoming" && mv -T "$incoming" "$home/$wanted"
}

install_file() {
  local incoming=$home/$wanted/.incoming
  mkdir -p "$home/$wanted" && install -m 0755 "$blob" "$incoming" && sync "$incoming" &&
    mv -fT "$incoming" "$home/$wanted/$ARTIFACT_NAME"
}

# The running release counts as the newest, so it is never among those removed.
prune() {
  local path kept=0
  touch "$home/$wanted"
  while IFS= read -r path; do
    kept=$((kept + 1))
    [ "$kept" -gt "$KEEP_RELEASES" ] || continue
    rm -rf "${home:?}/releases/${path:?}"
    rm -f "/var/lib/veza/artifacts/$path"*
  done < <(cd "$home/releases" && find . -mindepth 1 -maxdepth 1 -type d ! -name '.*' -printf '%T@ %P\n' | sort -rn | cut -d' ' -f2)
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
  systemctl daemon-reload
  systemctl enable --quiet "$APP"
  began=$(date +%s)
}

## The agent and the load balancers

place_agent() {
  place /etc/systemd/system/veza-agent.service
  place /usr/local/lib/veza/
}

start_agent() {
  place_agent
  restart_agent || fail "$INSTANCE: the agent (veza-agent.service) does not start. The application was not touched"
}

restart_agent() {
  systemctl daemon-reload && systemctl enable --quiet veza-agent && systemctl restart veza-agent
}

agent_says() { # LINE
  printf '%s\n' "$1" >/run/veza/.agent
  mv -f /run/veza/.agent /run/veza/agent
}

# Prints what one load balancer says of this server: STATUS WEIGHT SESSIONS, and how many OTHERS of the pool take
# requests. Prints `absent` when it does not know the server, fails when it does not answer.
seen_by() { # ADDRESS:PORT
  local csv
  csv=$(curl -fs --max-time 2 "http://$1/stats;csv") || return 1
  awk -F, -v pool="$POOL" -v server="$INSTANCE" '
    NR == 1 { sub(/^# */, ""); for (n = 1; n <= NF; n++) column[$n] = n; next }
    $column["pxname"] != pool || $column["svname"] ~ /^(FRONTEND|BACKEND)$/ { next }
    { split($column["status"], status, " "); weight = $column["weight"] + 0 }
    $column["svname"] == server { row = status[1] " " weight " " $column["scur"] + $column["qcur"]; next }
    status[1] == "UP" && weight > 0 { others++ }
    END { print row == "" ? "absent" : row " " others + 0 }' <<<"$csv"
}

find_load_balancers() {
  local balancer
  for balancer in $LOAD_BALANCERS; do
    if seen_by "$balancer" >/dev/null || { sleep 1; seen_by "$balancer" >/dev/null; }; then
      balancers+=("$balancer")
    else
      note "$INSTANCE: load balancer $balancer does not answer and is not waited for"
    fi
  done
}

# Status of an operator's own drain (DRAIN with its weight) or maintenance (MAINT) is as good as UP: it is left alone.
gives_no_requests() { [ "$1" = MAINT ] || [ "$2" -eq 0 ]; }
holds_no_sessions() { [ "$3" -eq 0 ]; }
gives_requests() { case $1 in UP | DRAIN) [ "$2" -gt 0 ] ;; MAINT) ;; *) return 1 ;; esac }

# Waits until all load balancers agree; `why` names those that do not. One that falls silent for 5 s is left out.
all_agree_within() { # SECONDS TEST
  local deadline=$((SECONDS + $1)) balancer row
  local -A silent=()
  while :; do
    why=
    for balancer in "${balancers[@]}"; do
      [ "${silent[$balancer]:-0}" -lt 5 ] || continue
      if row=$(seen_by "$balancer"); then
        silent[$balancer]=0
        # shellcheck disable=SC2086 # a row is words
        [ "$row" = absent ] || "$2" $row || why+=" $balancer (${row% *})"
      else
        silent[$balancer]=$((${silent[$balancer]:-0} + 1))
        why+=" $balancer (no answer)"
      fi
    done
    [ -n "$why" ] || return 0
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 1
  done
}

# Without another server in the pool a drain would only make the outage longer.
is_alone() {
  local balancer row
  for balancer in "${balancers[@]}"; do
    row=$(seen_by "$balancer") || continue
    [ "$row" = absent ] || [ "${row##* }" -gt 0 ] || return 0
  done
  return 1
}

take_out() {
  if ! systemctl is-active --quiet "$APP"; then return; fi
  if is_alone; then
    note "$INSTANCE: no other server of $POOL takes requests: restarted without a drain"
    return
  fi
  agent_says '0%'
  all_agree_within 10 gives_no_requests ||
    fail "$INSTANCE: a load balancer goes on sending requests 10 s after this instance asked it not to (status, weight, sessions):$why. Does its agent check work?"
  all_agree_within "$DRAIN_SECONDS" holds_no_sessions ||
    note "$INSTANCE: still has sessions after $DRAIN_SECONDS s (drainSeconds), which end now (status, weight, sessions):$why"
}

take_in() {
  local deadline=$((SECONDS + HEALTH_SECONDS))
  # Said again and again, because the agent says `up 100%` for 15 s only.
  until agent_says 'up 100%' && all_agree_within 5 gives_requests; do
    [ "$SECONDS" -lt "$deadline" ] || {
      why="a load balancer does not give it requests within $HEALTH_SECONDS s (status, weight, sessions):$why"
      return 1
    }
  done
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
    restore
    restart_agent
    agent_says 'up 100%'
    rm -f "$changing"
    say_state "the application was not touched and goes on serving ${previous:-nothing}"
    return
  fi
  show_log
  stop_application
  restore
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
  restart_agent
  if start_application && healthy_within "$HEALTH_SECONDS" && take_in; then
    rm -f "$changing"
    say_state "$previous runs again, with the unit and environment it had, and takes requests"
  else
    # Kept in by the agent: load balancers check its health themselves, and it may still recover.
    agent_says 'up 100%'
    say_state "$previous was put back and started, but $why. Look at it: journalctl -u $APP"
  fi
}

show_log() {
  [ -n "${began-}" ] || return 0
  journalctl --sync
  printf '%s: last lines of its log:\n' "$INSTANCE" >&2
  journalctl --unit "$APP" --since "@$began" --lines 20 --no-pager --output cat | sed 's/^/  | /' >&2
}

say_state() { printf '%s: state now: %s. Instances that come after it were not touched\n' "$INSTANCE" "$1" >&2; }
