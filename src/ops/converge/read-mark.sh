# shellcheck shell=bash
# For the scripts that are put behind this one.
# Parameters: PROJECT.

# Sets `mark` to how the stack's update stands on this host; empty: there was none. Status 1: the host has nothing of the
# stack. Ends the shell when Incus does not answer, which is another thing.
read_mark() {
  local said
  if said=$(timeout 30 incus project get "$PROJECT" user.veza.update </dev/null 2>&1); then
    mark=$said
  elif [[ $said == *'Project not found'* ]]; then
    return 1
  else
    printf '%s\nIncus does not answer on %s, for the reason above. See: systemctl status incus\n' "$said" "$(hostname)" >&2
    exit 1
  fi
}
