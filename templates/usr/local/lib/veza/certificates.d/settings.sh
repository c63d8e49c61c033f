# shellcheck shell=bash
# What is configured, and the lock that everything which changes something holds.

settings=/etc/veza/certificates.env
domains=/etc/dehydrated/domains.txt
certificate_settings=/etc/dehydrated/certificates.d
run=/run/veza/certificates # only in memory, and empty before each use: new keys pass through it
lock=/run/veza/certificates.lock
lock_seconds=300

primaries=()          # first names of the configured certificates, in order
declare -A names_of=() # all names of each, separated by spaces

read_settings() {
  local primary rest
  # shellcheck source=/dev/null
  . "$settings"
  while read -r primary rest; do
    [[ $primary != '' && $primary != '#'* ]] || continue
    primaries+=("$primary")
    names_of[$primary]="$primary${rest:+ $rest}"
  done <"$domains"
}

is_configured() { [ -n "${names_of[$1]-}" ]; } # PRIMARY

configured_key() { # PRIMARY: dehydrated's KEY_ALGO
  local KEY_ALGO=
  # shellcheck source=/dev/null
  . "$certificate_settings/$1"
  printf '%s' "$KEY_ALGO"
}

# Children inherit it: what a killed run leaves behind (dehydrated, for at most its own time limit) still holds it.
hold_lock() {
  mkdir -p "$run"
  exec 9>"$lock"
  flock --wait "$lock_seconds" 9 || {
    echo "another run of certificates has been going on for $lock_seconds s. Nothing was changed; try again when it has ended (ps shows it)" >&2
    exit 1
  }
}
