# shellcheck shell=bash
# Runs inside a container and takes lines of shell on standard input, a NUL behind each. Each one is a program of its own
# that has a minute; what it printed, what it complained of and its exit status come back, a NUL behind each.
set -uo pipefail

# In memory, because a disk may be full; and not in pipes, which a service that was left behind would keep open.
said=/dev/shm/veza-said.$$
trap 'rm -f "$said".*' EXIT

while IFS= read -r -d '' line; do
  status=0
  timeout 60 bash -c "$line" </dev/null >"$said.out" 2>"$said.err" || status=$?
  cat "$said.out"
  printf '\0'
  cat "$said.err"
  printf '\0%d\0' "$status"
done
