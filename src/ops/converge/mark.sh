# shellcheck shell=bash
# Notes on the host how the stack's update stands, so that whoever comes next knows. Only where the note is still the
# expected one, nobody's, or there is none: another update may have begun meanwhile. Prints the note that stands in the end;
# nothing where the host has no such project.
# Parameters: PROJECT, EXPECTED (a shell pattern), MARK (empty takes the note away).
: "${PROJECT:?}" "${EXPECTED?}" "${MARK?}"

main() {
  local said mark
  hold_project 20 'marking an update'
  ask_project project get "$PROJECT" user.veza.update || return 0
  mark=$said
  # Without an owner: project.sh made the project, and could not know for whom.
  # shellcheck disable=SC2053 # a pattern is meant
  if [[ -z $mark || $mark == $EXPECTED || $mark =~ ^running\ [^\ ]+$ ]]; then
    timeout 30 incus project set "$PROJECT" "user.veza.update=$MARK" </dev/null
    mark=$MARK
  fi
  printf '%s\n' "$mark"
}
