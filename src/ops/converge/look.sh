# shellcheck shell=bash
# Prints what a host has of a stack: how the last update ended, then its containers' configuration as JSON.
# Parameter: PROJECT.
: "${PROJECT:?}"

main() {
  timeout 30 incus info </dev/null >/dev/null || { printf 'Incus does not answer on %s\n' "$(hostname)" >&2; exit 1; }
  if ! timeout 30 incus project show "$PROJECT" </dev/null >/dev/null 2>&1; then
    printf 'absent\n[]\n'
    return 0
  fi
  printf '%s\n' "$(timeout 30 incus project get "$PROJECT" user.veza.update </dev/null)"
  timeout 30 incus query "/1.0/instances?project=$PROJECT&recursion=1" </dev/null
}
