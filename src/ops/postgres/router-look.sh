# shellcheck shell=bash disable=SC2154
# (the sockets are socket.sh's, which goes in front)
# Runs inside a router: prints its servers, its processes, and the statistics of every worker, as sections `=== TITLE`:
# servers, processes, the number of each process.

main() {
  local processes pid
  printf '=== servers\n'
  ask "$admin" 5 'show servers state'
  processes=$(ask "$master" 5 'show proc')
  printf '=== processes\n%s\n' "$processes"
  while read -r pid; do
    printf '=== %s\n' "$pid"
    ask "$master" 5 "@!$pid show stat" || :
  done < <(awk '$2 == "worker" { print $1 }' <<<"$processes")
}
