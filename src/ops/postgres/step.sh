# shellcheck shell=bash
# Goes in front of every step. Parameters: PROJECT, NOTE (what has to be written down on this host, or nothing).
: "${PROJECT:?}" "${NOTE?}"

fail() { printf '%s\n' "$1" >&2; exit 1; }

# A step outlives a killed bin/veza. The next run waits for it, and where it has not begun yet it finds another note than
# its own and does nothing.
alone() {
  mkdir -p "/run/veza/lock/$PROJECT"
  exec 9>"/run/veza/lock/$PROJECT/postgres-step"
  flock -w 120 9 || fail "a step of an earlier run has been going on for 120 s on $(hostname). Nothing was changed by this one; try again when it has ended"
}

noted() { timeout 30 incus project get "$PROJECT" user.veza.flip </dev/null; }

expected() {
  [ -z "$NOTE" ] || [ "$(noted)" = "$NOTE" ] ||
    fail "somebody else has gone on with this on $(hostname), so this step did nothing. bin/veza topology shows where things stand"
}
