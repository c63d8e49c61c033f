# shellcheck shell=bash
# Starts the Incus daemon where it does not answer, and waits until it is ready. Never restarts one that answers.
# LIMIT: seconds to wait.
: "${LIMIT:?}"

state=${INCUS_DIR-/var/lib/incus}
log_dir=/var/log/incus

answers() { timeout 10 incus query /1.0 >/dev/null 2>&1; }

# After a machine lost all its processes and kept its disk, the pid files name strangers: Incus would signal them.
forget_dead_dnsmasq() {
  local file pid
  for file in "$state"/networks/*/dnsmasq.pid; do
    [ -f "$file" ] || continue
    pid=$(awk '$1 == "pid:" { print $2 }' "$file")
    if [ "$(cat "/proc/${pid:-0}/comm" 2>/dev/null)" != dnsmasq ]; then rm -f "$file"; fi
  done
}

# A daemon of this machine that is still on its way up; those of containers are visible too, and not meant.
is_starting() {
  local pid
  for pid in $(pgrep -x incusd); do
    if [ "/proc/$pid/ns/mnt" -ef /proc/self/ns/mnt ] && [ -z "${INCUS_DIR-}" ]; then return 0; fi
  done
  return 1
}

daemon_program() {
  local program
  for program in /usr/libexec/incus/incusd /opt/incus/bin/incusd /usr/lib/incus/incusd; do
    if [ -x "$program" ]; then
      printf '%s\n' "$program"
      return
    fi
  done
  command -v incusd
}

start_without_systemd() {
  local program
  if ! program=$(daemon_program); then
    echo "no incusd found: the Incus client is installed without its daemon (package incus-base)" >&2
    exit 1
  fi
  mkdir -p "$log_dir"
  # Containers inherit the daemon's limits: HAProxy needs two files for each client. (Its systemd unit says so too.)
  ulimit -n 1048576 2>/dev/null || ulimit -n "$(ulimit -Hn)"
  setsid "$program" --group incus-admin >>"$log_dir/incusd.log" 2>&1 </dev/null 9>&- &
  echo "started $program, log in $log_dir/incusd.log"
}

last_words() {
  if [ -d /run/systemd/system ]; then
    timeout 10 journalctl -u incus -n 20 --no-pager || :
  else
    tail -n 20 "$log_dir/incusd.log" 2>/dev/null || :
  fi
}

main() {
  if answers; then return 0; fi
  # Two set-ups at once must not start two daemons on one database.
  exec 9>/run/veza-edge-incus.lock
  flock --wait "$LIMIT" 9
  if answers; then return 0; fi
  if [ -d /run/systemd/system ] && [ -z "${INCUS_DIR-}" ]; then
    timeout "$LIMIT" systemctl start incus.service
    echo "started incus.service"
  elif is_starting; then
    echo "an incusd is starting already"
  else
    forget_dead_dnsmasq
    start_without_systemd
  fi
  if ! incus admin waitready --timeout "$LIMIT"; then
    {
      echo "the Incus daemon was not ready after $LIMIT s; its last words:"
      last_words
    } >&2
    exit 1
  fi
}
