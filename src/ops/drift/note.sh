# shellcheck shell=bash
# Notes in the project when somebody has looked for drift, and what was found.
# Parameters: PROJECT, NOTE.
: "${PROJECT:?}" "${NOTE:?}"

main() {
  # Incus refuses a change when another one came since it was asked: those of an update must not be refused for this.
  mkdir -p /run/veza/lock
  exec 9>"/run/veza/lock/update-$PROJECT"
  flock -w 5 9
  timeout 10 incus project set "$PROJECT" "user.veza.drift=$NOTE" </dev/null
}
