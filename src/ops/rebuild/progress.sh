# shellcheck shell=bash
# Prints how far the base backup is that this primary gives: BYTES TOTAL. Changes nothing. Parameters: PROJECT, CONTAINER.
: "${PROJECT:?}" "${CONTAINER:?}"

main() {
  timeout 10 incus exec "$CONTAINER" --project "$PROJECT" --mode=non-interactive -- \
    runuser -u postgres -- psql --no-psqlrc --tuples-only --no-align --field-separator ' ' --command \
    'SELECT backup_streamed, backup_total FROM pg_stat_progress_basebackup LIMIT 1' </dev/null
}
