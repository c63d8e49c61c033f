# shellcheck shell=bash
# Keeps in the project what containers to come have to be told (see container.sh), or forgets it.
# Parameters: PROJECT, NAME, VALUE (empty: nothing).
: "${PROJECT:?}" "${NAME:?}" "${VALUE?}"

main() {
  local key=user.veza.note.$NAME
  # Incus refuses a change when another one came since it was asked.
  mkdir -p /run/veza/lock
  exec 9>"/run/veza/lock/update-$PROJECT"
  flock -w 20 9 ||
    { printf 'on %s, another run has been noting something of %s for 20 s; try again\n' "$(hostname)" "$PROJECT" >&2; exit 1; }
  if [ -n "$VALUE" ]; then
    timeout 30 incus project set "$PROJECT" "$key=$VALUE" </dev/null
  else
    timeout 30 incus project unset "$PROJECT" "$key" </dev/null
  fi
}
