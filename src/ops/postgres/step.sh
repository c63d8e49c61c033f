# shellcheck shell=bash
# Goes in front of every step. Parameters: PROJECT, NOTE (what has to be written down on this host, or nothing).
: "${PROJECT:?}" "${NOTE?}"

fail() { printf '%s\n' "$1" >&2; exit 1; }

mkdir -p "/run/veza/lock/$PROJECT"
exec 9>"/run/veza/lock/$PROJECT/postgres-step"

# A step outlives a killed bin/veza. The next run changes the note, which waits for it; a step that has not begun by then
# finds another note than its own and does nothing. Steps of one run go together.
begin() { # shared | exclusive
  flock "--$1" --wait 120 9 || fail "a step of an earlier run has been going on for 120 s on $(hostname). Nothing was changed by this one; try again when it has ended"
  expected
}

note=/var/lib/veza/$PROJECT/flip

expected() {
  local there=
  [ ! -f "$note" ] || there=$(<"$note")
  [ -z "$NOTE" ] || [ "$there" = "$NOTE" ] ||
    fail "somebody else has gone on with this on $(hostname), so this step did nothing. bin/veza topology shows where things stand"
}
