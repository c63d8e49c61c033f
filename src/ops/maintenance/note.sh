# shellcheck shell=bash
# Keeps in the project what containers to come have to be told (see container.sh), or forgets it.
# Parameters: PROJECT, NAME, VALUE (empty: nothing).
: "${PROJECT:?}" "${NAME:?}" "${VALUE?}"

main() {
  local key=user.veza.note.$NAME
  hold_project 20 'noting something'
  if [ -n "$VALUE" ]; then
    timeout 30 incus project set "$PROJECT" "$key=$VALUE" </dev/null
  else
    timeout 30 incus project unset "$PROJECT" "$key" </dev/null
  fi
}
