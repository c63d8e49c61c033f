# shellcheck shell=bash
# Runs inside a router: prints its servers, its processes, and the statistics of every worker, as sections `=== TITLE`:
# servers, processes, the number of each process.

ask() { # SOCKET COMMAND
  printf '%s\n' "$2" | timeout 6 socat -t 5 - "UNIX-CONNECT:$1"
}

main() {
  local processes pid
  printf '=== servers\n'
  ask /run/haproxy/admin.sock 'show servers state'
  processes=$(ask /run/haproxy-master.sock 'show proc')
  printf '=== processes\n%s\n' "$processes"
  while read -r pid; do
    printf '=== %s\n' "$pid"
    ask /run/haproxy-master.sock "@!$pid show stat" || :
  done < <(awk '$2 == "worker" { print $1 }' <<<"$processes")
}
