# shellcheck shell=bash
# Notes on the host how the stack's update stands, so that whoever comes next knows. Parameters: PROJECT, STATE.
: "${PROJECT:?}" "${STATE:?}"

main() {
  timeout 30 incus project show "$PROJECT" </dev/null >/dev/null 2>&1 || return 0
  timeout 30 incus project set "$PROJECT" "user.veza.update=$STATE" </dev/null
}
