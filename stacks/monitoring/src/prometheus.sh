# shellcheck shell=bash disable=SC2154
# (STAGE and unit_dir are set by files.sh)
# Follow-up (see files.sh) that puts Prometheus' configuration to work: check → place → reload → prove that it was loaded.
# When a step fails, `undo` puts back what was there. Restarted only where its unit has changed or it does not run.
# Parameters: DATA, directory of the measurements; DROP_IN, what is its unit's; PORT.
: "${DATA:?}" "${DROP_IN:?}" "${PORT:?}"

config=/etc/prometheus/prometheus.yml
reload_seconds=15
start_seconds=120

told= # set when Prometheus may have been told of the new files

follow_up() {
  check
  own_data
  # Files, because a run that is cut off after `place` leaves nothing else to tell that something is due.
  if any_changed "$DROP_IN"; then : >"$unit_dir/restart"; fi
  if any_changed /etc/prometheus/; then : >"$unit_dir/reload"; fi
  told=yes
  place
  put_to_work || fail "prometheus $why"
  systemctl is-enabled --quiet prometheus || systemctl enable --quiet prometheus
  rm -f "$unit_dir/restart" "$unit_dir/reload"
}

check() {
  local said
  if said=$(timeout 30 promtool check config "$STAGE$config" 2>&1); then return; fi
  # The path that the user knows, and the config key of what he wrote himself.
  fail "promtool does not accept this configuration:
$(sed -e "s|$STAGE||g" -e 's|/etc/prometheus/rules/extra.yml|& (veza-monitoring:extraRules)|g' <<<"$said" | grep -v SUCCESS)
State now: nothing was changed. Correct the config and run up again"
}

# A new image may count its users otherwise.
own_data() {
  [ "$(stat -c %U "$DATA")" = prometheus ] || chown -R prometheus:prometheus "$DATA"
}

put_to_work() { # sets `why` when it does not work
  reload_units prometheus
  if [ -e "$unit_dir/restart" ] || ! systemctl is-active --quiet prometheus; then
    restart
  elif [ -e "$unit_dir/reload" ]; then
    reload
  else
    ready
  fi
}

# A sample of its own metrics; nothing when it does not answer.
own_metric() { curl -s --max-time 5 "http://127.0.0.1:$PORT/metrics" | sed -n "s/^$1 //p" || :; } # NAME

reload() {
  local before deadline=$((SECONDS + reload_seconds)) since
  before=$(own_metric prometheus_config_last_reload_success_timestamp_seconds)
  since=$(date +%s)
  # Not `systemctl reload`: Debian's unit does that with /bin/kill, which a small image does not have.
  systemctl kill --signal=HUP --kill-whom=main prometheus
  until [ "$(own_metric prometheus_config_last_reload_success_timestamp_seconds)" != "$before" ]; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      why="did not load this configuration within $reload_seconds s. $(last_words "$since")"
      return 1
    fi
    sleep 0.1
  done
  ready
}

restart() {
  local since
  since=$(date +%s)
  systemctl reset-failed prometheus 2>/dev/null || :
  if ! timeout 60 systemctl restart prometheus 2>/dev/null; then
    why="does not start. $(last_words "$since")"
    return 1
  fi
  ready
}

ready() {
  local deadline=$((SECONDS + start_seconds)) since
  since=$(date +%s)
  until curl -sf -o /dev/null --max-time 3 "http://127.0.0.1:$PORT/-/ready"; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      why="is not ready after $start_seconds s. $(last_words "$since")"
      return 1
    fi
    sleep 0.2
  done
}

last_words() { # SINCE
  printf 'It said:\n%s' "$(journalctl -u prometheus --since "@$1" -o cat --no-pager -n 5 | cut -c 1-300)"
}

undo() {
  restore
  if [ -z "$told" ]; then return; fi
  : >"$unit_dir/reload"
  if [ ! -f "$DROP_IN" ]; then
    systemctl disable --now --quiet prometheus 2>/dev/null || :
    echo 'State now: prometheus is stopped; there was no earlier configuration to go back to. Correct the config and run up again' >&2
  elif put_to_work; then
    echo 'State now: prometheus has its old configuration again. Correct the config and run up again' >&2
  else
    echo "State now: the old files were put back, but prometheus $why" >&2
  fi
}

on_delete() { systemctl disable --now --quiet prometheus; }
