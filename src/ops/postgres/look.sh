# shellcheck shell=bash
# Reads what the nodes and routers on this host are now; changes nothing.
# Parameters: PROJECT, NODES and ROUTERS (a name a line), NODE_LOOK and ROUTER_LOOK (what is run in each).
# Prints sections `=== TITLE`: note, container NAME, details NODE, router NAME servers|processes|PID. What did not answer
# has no section.
: "${PROJECT:?}" "${NODES?}" "${ROUTERS?}" "${NODE_LOOK:?}" "${ROUTER_LOOK:?}"

# Incus can lose what is printed inside: an answer without its end is asked for again.
inside() { # CONTAINER SCRIPT
  local said
  for _ in 1 2 3; do
    said=$(timeout --kill-after=2 15 incus exec "$1" --project "$PROJECT" --mode=non-interactive -- \
      bash -euo pipefail -s "$1" <<<"$2" 2>/dev/null) || return 0
    if [ "${said##*$'\n'}" = end ]; then
      printf '%s\n' "${said%end}"
      return 0
    fi
  done
}

main() {
  local name listed
  directory=$(mktemp -d)
  trap 'rm -rf "$directory"' EXIT
  listed=$(timeout 30 incus list --project "$PROJECT" --format csv --columns ns </dev/null)
  for name in $NODES; do inside "$name" "$NODE_LOOK" >"$directory/$name" & done
  for name in $ROUTERS; do inside "$name" "$ROUTER_LOOK" >"$directory/$name" & done
  wait
  printf '=== note\n%s\n' "$(cat "/var/lib/veza/$PROJECT/flip" 2>/dev/null || :)"
  for name in $NODES $ROUTERS; do
    printf '=== container %s\n%s\n' "$name" "$(awk -F, -v name="$name" '$1 == name { print $2 }' <<<"$listed")"
    cat "$directory/$name"
  done
}
