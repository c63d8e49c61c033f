# shellcheck shell=bash
# Prints what a host has of a stack as JSON: its project, with what is noted there, its containers and its volumes.
# Parameters: PROJECT, POOLS (storage pools that have volumes of it, separated by spaces; none: there are no volumes).
: "${PROJECT:?}" "${POOLS?}"

main() {
  local projects pool comma=''
  # Told apart: a host that does not answer, and one that has nothing of this stack.
  projects=$(timeout 30 incus project list --format csv --columns n </dev/null) ||
    { printf 'Incus does not answer on %s, for the reason above. See: systemctl status incus\n' "$(hostname)" >&2; exit 1; }
  if ! grep -qxF -e "$PROJECT" -e "$PROJECT (current)" <<<"$projects"; then
    printf '{"project": {"config": {}}, "containers": [], "pools": {}}\n'
    return 0
  fi
  printf '{"project": '
  timeout 30 incus query "/1.0/projects/$PROJECT" </dev/null
  printf ', "containers": '
  timeout 30 incus query "/1.0/instances?project=$PROJECT&recursion=1" </dev/null
  printf ', "pools": {'
  for pool in $POOLS; do
    printf '%s"%s": ' "$comma" "$pool"
    timeout 30 incus query "/1.0/storage-pools/$pool/volumes/custom?project=$PROJECT&recursion=1" </dev/null
    comma=,
  done
  printf '}}\n'
}
