# shellcheck shell=bash
# Prints what a host has of a stack as JSON: its project, with what is noted there, its containers and its volumes.
# Parameters: PROJECT, POOLS (storage pools that have volumes of it, separated by spaces; none: there are no volumes).
: "${PROJECT:?}" "${POOLS?}"

main() {
  local said pool comma=''
  if ! ask_project query "/1.0/projects/$PROJECT"; then
    printf '{"project": {"config": {}}, "containers": [], "pools": {}}\n'
    return 0
  fi
  printf '{"project": %s, "containers": ' "$said"
  timeout 30 incus query "/1.0/instances?project=$PROJECT&recursion=1" </dev/null
  printf ', "pools": {'
  for pool in $POOLS; do
    printf '%s"%s": ' "$comma" "$pool"
    timeout 30 incus query "/1.0/storage-pools/$pool/volumes/custom?project=$PROJECT&recursion=1" </dev/null
    comma=,
  done
  printf '}}\n'
}
