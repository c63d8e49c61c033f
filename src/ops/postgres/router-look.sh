# shellcheck shell=bash
# Runs inside a router: prints its servers, its processes, and the statistics of every worker, then `end`.
# Argument: the router's name.
ask() { # SOCKET COMMAND
  printf '%s\n' "$2" | timeout 6 socat -t 5 - "UNIX-CONNECT:$1"
}

main() {
  local processes pid
  printf '=== router %s servers\n' "$1"
  ask /run/haproxy/admin.sock 'show servers state'
  processes=$(ask /run/haproxy-master.sock 'show proc')
  printf '=== router %s processes\n%s\n' "$1" "$processes"
  while read -r pid; do
    printf '=== router %s %s\n' "$1" "$pid"
    ask /run/haproxy-master.sock "@!$pid show stat" || :
  done < <(awk '$2 == "worker" { print $1 }' <<<"$processes")
  echo end
  # Incus can lose what is printed right before the end.
  sleep 0.05
}
main "$@"
