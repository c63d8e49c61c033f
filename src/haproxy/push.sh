# shellcheck shell=bash
# Follow-up (see files.sh) that puts a rendered HAProxy configuration to work: copy into a release of its own → check →
# switch the link → reload → prove that it is the one running. When a step fails, `undo` puts back what ran before.
# Parameters: PROBES, words SCHEME:PORT:PATH that have to answer 200 afterwards; READS, other files that HAProxy reads
# when it starts and nobody tells it about later.
# The release is told to HAProxy as its `description`, so what a worker runs is asked from the worker itself; a run that
# was cut off anywhere is made good by the next one.
# shellcheck disable=SC2154 # STAGE and unit_dir are set by files.sh, admin by socket.sh, which goes in front
: "${PROBES:?}" "${READS?}"

home=/etc/haproxy
live=$home/current
control=/usr/local/lib/veza/haproxy-control
drop_in=/etc/systemd/system/haproxy.service.d/veza.conf
started_with=/run/haproxy/started-with.conf
log_socket=veza-access-log.socket
log_service=veza-access-log.service
log_program=/usr/local/lib/veza/access-log
units=(haproxy "$log_socket" "$log_service")
keep_releases=3
answer_seconds=15

wanted=    # name of the release to be reached
running=   # name of the release that ran before; empty: none of ours
previous=  # name of the release to go back to: the one that ran, else the one that was switched to; empty: none
switched=  # set when the link may point to something else than what runs
why=       # why the last check did not pass

follow_up() {
  wanted=$(digest_of "$STAGE$live")
  running=$(running_release)
  previous=${running:-$(readlink "$live" | sed 's|^releases/||' || :)}
  if settled; then return; fi
  make_release
  check_release
  switched=yes
  place /usr/local/lib/veza/
  place_units
  start_log
  switch_to "$wanted"
  activate || fail "haproxy does not start with this configuration: $why"
  proved "$wanted" || fail "haproxy loaded release $wanted, but $why"
  systemctl is-enabled --quiet haproxy || systemctl enable --quiet haproxy
  switched=
  prune
  note "haproxy runs release $wanted"
}

settled() {
  [ "$running" = "$wanted" ] && ! any_changed / && [ "$(readlink "$live")" = "releases/$wanted" ] && ! needs_restart &&
    has_read_what_is_there && log_runs && systemctl is-enabled --quiet haproxy && proved "$wanted"
}

# False when a file was written after the newest worker had read it: it may run anything, whatever the release is called.
has_read_what_is_there() {
  local read written
  read=$(ask "$admin" 5 'show info' | sed -n 's/^Start_time_sec: //p')
  # shellcheck disable=SC2086 # words
  written=$(find "$live/" $READS -type f -printf '%C@\n' | awk '$1 > newest { newest = $1 } END { printf "%d", newest }')
  [ -n "$read" ] && [ "$written" -le "$read" ]
}

## Releases

digest_of() { # DIRECTORY: a name for everything in it
  tar --sort=name --mtime=@0 --exclude=./release.cfg -cf - -C "$1" . | sha256sum | cut -c1-16
}

make_release() {
  local path=$home/releases/$wanted
  # A release that does not hold what its name says was edited by hand.
  if [ -d "$path" ] && [ "$(digest_of "$path")" = "$wanted" ] && cmp -s "$path/release.cfg" <(release_name); then return; fi
  mkdir -p "$home/releases"
  rm -rf "$home/releases/.new" "$home/releases/.old"
  cp -a "$STAGE$live" "$home/releases/.new"
  release_name >"$home/releases/.new/release.cfg"
  sync -f "$home/releases/.new"
  [ ! -e "$path" ] || mv -T "$path" "$home/releases/.old"
  mv -T "$home/releases/.new" "$path"
  rm -rf "$home/releases/.old"
}

release_name() { printf 'global\n    description %s\n' "$wanted"; }

check_release() {
  local path=$home/releases/$wanted said
  if said=$(STATE_FILE=/dev/null timeout 30 haproxy -c -dW -f "$path/haproxy.cfg" -f "$path/release.cfg" 2>&1); then return; fi
  [ "$previous" = "$wanted" ] || [ "$(readlink "$live")" = "releases/$wanted" ] || rm -rf "$path"
  fail "haproxy does not accept this configuration:
$(explained "$said")
$(state_untouched)"
}

# HAProxy's complaints with the path that the user knows, then the lines they name, and the config key of those that
# a user wrote.
explained() { # MESSAGES
  local number
  grep -v '^\[NOTICE\]' <<<"${1//$home\/releases\/$wanted/$live}" || :
  grep -oE "haproxy\.cfg:[0-9]+" <<<"$1" | cut -d: -f2 | sort -nu | head -n 5 | while IFS= read -r number; do
    awk -v number="$number" '
      /^[[:space:]]*# veza-edge:/ { key = " (from " $2 ")" }
      /^[^[:space:]#]/ && key !~ /sections/ { key = "" }
      NR == number { sub(/^[[:space:]]+/, ""); print "  line " number key ": " $0 }' "$STAGE$live/haproxy.cfg"
  done || :
}

state_untouched() {
  if [ -n "$running" ]; then
    printf 'State now: the running configuration (release %s) is untouched. Correct the config and run up again' "$running"
  else
    printf 'State now: nothing was changed; haproxy did not run before, and was not started. Correct the config and run up again'
  fi
}

switch_to() { # RELEASE
  ln -sfn "releases/$1" "$home/.current"
  mv -fT "$home/.current" "$live"
}

# The running release counts as the newest.
prune() {
  local path
  touch "$home/releases/$wanted"
  while IFS= read -r path; do
    rm -rf "${home:?}/releases/${path:?}"
  done < <(cd "$home/releases" && find . -mindepth 1 -maxdepth 1 -type d -printf '%T@ %P\n' | sort -rn | tail -n "+$((keep_releases + 1))" | cut -d' ' -f2)
}

## The process

# What the newest worker says it runs; nothing when there is none, or when it is not ours.
running_release() {
  ask "$admin" 5 'show info' | sed -n 's/^description: \([0-9a-f]\{16\}\)$/\1/p' || :
}

needs_restart() { ! systemctl is-active --quiet haproxy || restart_is_due || ! cmp -s "$drop_in" "$started_with"; }

place_units() {
  place /etc/systemd/system/
  reload_units "${units[@]}"
}

# Whoever reads the pipe may come and go: HAProxy notices nothing, and lines wait.
start_log() {
  if log_runs; then return; fi
  systemctl enable --now --quiet "$log_socket"
  systemctl try-restart "$log_service"
}

# Its reader is started by the first line; one that is older than its own files is another one.
log_runs() {
  local since
  systemctl is-enabled --quiet "$log_socket" && systemctl is-active --quiet "$log_socket" || return 1
  systemctl is-active --quiet "$log_service" || return 0
  since=$(systemctl show --timestamp=unix -P ActiveEnterTimestamp "$log_service")
  [ -z "$(find "/etc/systemd/system/$log_service" "$log_program" -newerct "$since")" ]
}

activate() {
  local said
  if needs_restart; then
    if [ -n "$running" ]; then note 'haproxy is restarted, because its unit changed: open connections end'; fi
    restart
  elif ! said=$("$control" reload 2>&1); then
    why=$(explained "$said")
    return 1
  fi
}

restart() {
  local since
  since=$(date +%s)
  "$control" save-state
  systemctl reset-failed haproxy 2>/dev/null || :
  if ! timeout 60 systemctl restart haproxy 2>/dev/null; then
    why="it does not start:
$(journalctl -u haproxy --since "@$since" -o cat --no-pager -n 20 | grep -E '^\[(ALERT|WARNING)\]' || echo '(see journalctl -u haproxy)')"
    return 1
  fi
  rm -f "$unit_dir/restart"
}

# True when the newest worker runs RELEASE, answers on all its ports, and has the servers it was configured with.
proved() { # RELEASE
  local deadline=$((SECONDS + answer_seconds)) probe scheme port path answer address said
  address=$(hostname -I | tr ' ' '\n' | grep -m 1 -F .)
  until [ "$(running_release)" = "$1" ]; do
    [ "$SECONDS" -lt "$deadline" ] || { why="its newest worker does not run it after $answer_seconds s"; return 1; }
    sleep 0.1
  done
  for probe in $PROBES; do
    IFS=: read -r scheme port path <<<"$probe"
    # The container's own address: on the loopback one HAProxy expects the host's proxy.
    until answer=$(curl -sk -o /dev/null -w '%{http_code}' --max-time 3 "$scheme://$address:$port$path") && [ "$answer" = 200 ]; do
      [ "$SECONDS" -lt "$deadline" ] ||
        { why="$scheme://$address:$port$path does not answer 200 within $answer_seconds s (last: $answer)"; return 1; }
      sleep 0.2
    done
  done
  said=$("$control" check-servers 2>&1) || { why=$said; return 1; }
}

## When something failed

undo() {
  trap '' TERM INT HUP
  if [ -z "$switched" ]; then
    restore
    return
  fi
  restore
  reload_units "${units[@]}"
  [ ! -e "/etc/systemd/system/$log_socket" ] || start_log || :
  if [ -z "$previous" ] || [ ! -d "$home/releases/$previous" ]; then
    systemctl stop haproxy 2>/dev/null || :
    rm -f "$live"
    echo 'State now: haproxy is stopped; there was no earlier configuration to go back to. Correct the config and run up again' >&2
    return
  fi
  switch_to "$previous"
  if [ "$(running_release)" = "$previous" ] && ! needs_restart; then
    # Correct again what was saved for the refused release.
    "$control" save-state || :
    echo "State now: the running configuration (release $previous) is untouched and its process was not restarted. Correct the config and run up again" >&2
  elif activate && proved "$previous"; then
    echo "State now: release $previous runs again. Correct the config and run up again" >&2
  else
    echo "State now: release $previous was put back, but $why. Look at: journalctl -u haproxy" >&2
  fi
}

on_delete() {
  systemctl disable --now --quiet haproxy "$log_socket" "$log_service"
  rm -rf "$live" "$home/releases"
}
