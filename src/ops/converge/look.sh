# shellcheck shell=bash
# Prints what a host has of a stack: how the last update ended, then its containers and volumes as JSON.
# Parameters: PROJECT, POOLS (storage pools that have volumes of it, separated by spaces; none: there are no volumes).
: "${PROJECT:?}" "${POOLS?}"

main() {
  local mark pool comma=''
  if ! read_mark; then
    printf 'absent\n{"containers": [], "pools": {}}\n'
    return 0
  fi
  printf '%s\n' "$mark"
  printf '{"containers": '
  timeout 30 incus query "/1.0/instances?project=$PROJECT&recursion=1" </dev/null
  printf ', "pools": {'
  for pool in $POOLS; do
    printf '%s"%s": ' "$comma" "$pool"
    timeout 30 incus query "/1.0/storage-pools/$pool/volumes/custom?project=$PROJECT&recursion=1" </dev/null
    comma=,
  done
  printf '}}\n'
}
