# shellcheck shell=bash
# Has a volume forget that its size was applied, so that the next application does it again.
# Parameters: PROJECT, POOL, VOLUME.
: "${PROJECT:?}" "${POOL:?}" "${VOLUME:?}"

main() {
  timeout 60 incus storage volume set "$POOL" "$VOLUME" user.veza.volume=differs --project "$PROJECT" </dev/null
}
