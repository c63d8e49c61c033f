# shellcheck shell=bash disable=SC2034
# (`said` is for whoever asks)
# For the scripts that are put behind this one.

# Sets `said` to what Incus says about the stack's project. Status 1: the host has nothing of the stack. Ends the shell
# when Incus does not answer, which is another thing.
ask_project() { # WORDS...
  local why
  # What it says besides, to whoever is new to it, is no answer.
  if said=$(timeout 30 incus "$@" </dev/null 2>/dev/null); then return 0; fi
  why=$(timeout 30 incus "$@" </dev/null 2>&1 >/dev/null) || :
  [[ $why != *'Project not found'* ]] || return 1
  printf '%s\nIncus does not answer on %s, for the reason above. See: systemctl status incus\n' "$why" "$(hostname)" >&2
  exit 1
}
