# shellcheck shell=bash
# Notes in the project when somebody has looked for drift, and what was found.
# Parameters: PROJECT, NOTE.
: "${PROJECT:?}" "${NOTE:?}"

main() {
  hold_project 5 'noting something'
  timeout 10 incus project set "$PROJECT" "user.veza.drift=$NOTE" </dev/null
}
