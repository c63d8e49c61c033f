# shellcheck shell=bash
# For the scripts that are put behind this one. Parameters: PROJECT.

# Has nobody else of ours change the stack's project until this shell ends: Incus refuses a change when another one came
# since it was asked.
hold_project() { # SECONDS DOING (what whoever has it is taken to do)
  mkdir -p /run/veza/lock
  exec 9>"/run/veza/lock/update-$PROJECT"
  flock -w "$1" 9 ||
    { printf 'on %s, another run has been %s of %s for %s s; try again\n' "$(hostname)" "$2" "$PROJECT" "$1" >&2; exit 1; }
}
