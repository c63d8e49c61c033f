# shellcheck shell=bash
# Notes on the host how the stack's update stands, so that whoever comes next knows. Only where the note is still the
# expected one, nobody's, or there is none: another update may have begun meanwhile. Prints the note that stands in the end;
# nothing where the host has no such project.
# Parameters: PROJECT, EXPECTED (a shell pattern), MARK (empty takes the note away).
: "${PROJECT:?}" "${EXPECTED?}" "${MARK?}"

main() {
  local projects found
  projects=$(timeout 30 incus project list --format csv --columns n </dev/null) ||
    { printf 'Incus does not answer on %s, for the reason above. See: systemctl status incus\n' "$(hostname)" >&2; exit 1; }
  grep -qxF -e "$PROJECT" -e "$PROJECT (current)" <<<"$projects" || return 0
  mkdir -p /run/veza/lock
  exec 9>"/run/veza/lock/update-$PROJECT"
  flock -w 20 9 ||
    { printf 'on %s, another run has been marking an update of %s for 20 s; try again\n' "$(hostname)" "$PROJECT" >&2; exit 1; }
  found=$(timeout 30 incus project get "$PROJECT" user.veza.update </dev/null)
  # Without an owner: project.sh made the project, and could not know for whom.
  # shellcheck disable=SC2053 # a pattern is meant
  if [[ -z $found || $found == $EXPECTED || $found =~ ^running\ [^\ ]+$ ]]; then
    timeout 30 incus project set "$PROJECT" "user.veza.update=$MARK" </dev/null
    found=$MARK
  fi
  printf '%s\n' "$found"
}
