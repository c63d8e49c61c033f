# shellcheck shell=bash
# Prints what is on a host beside its containers, as sections `=== TITLE`; changes nothing.
# Parameters: PROJECT, ARTIFACTS (`DIGEST  PATH` as sha256sum has them, one a line).
: "${PROJECT:?}" "${ARTIFACTS?}"

main() {
  printf '=== images\n'
  timeout 30 incus query '/1.0/images/aliases?project=default&recursion=1' </dev/null
  printf '\n=== artifacts\n'
  [ -z "$ARTIFACTS" ] || sha256sum --check --quiet <<<"$ARTIFACTS" 2>/dev/null | sed -n 's/: FAILED.*$//p' || :
  printf '=== flip\n%s\n' "$(cat "/var/lib/veza/$PROJECT/flip" 2>/dev/null || :)"
}
