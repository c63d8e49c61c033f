# shellcheck shell=bash disable=SC2034
# (other libraries read what is set here)
# What is configured, and the lock that everything which changes something holds.

settings=/etc/veza/certificates.env
domains=/etc/dehydrated/domains.txt
certificate_settings=/etc/dehydrated/certificates.d
run=/run/veza/certificates # only in memory, and empty before each use: new keys pass through it
lock=/run/veza/certificates.lock
renewal_lock_seconds=300 # for those that may wait for another run's orders; LOCK_SECONDS for those within an update

primaries=()          # first names of the configured certificates, in order
declare -A names_of=() # all names of each, separated by spaces
declare -A configured=() # all names of all of them, as keys

read_settings() {
  local primary rest name
  # shellcheck source=/dev/null
  . "$settings"
  while read -r primary rest; do
    [[ $primary != '' && $primary != '#'* ]] || continue
    primaries+=("$primary")
    names_of[$primary]="$primary${rest:+ $rest}"
    for name in ${names_of[$primary]}; do configured[$name]=yes; done
  done <"$domains"
}

ca_word() { printf '%s' "${DIRECTORY//[^a-zA-Z0-9.-]/_}"; } # the configured CA, as a directory is called

is_configured() { [ -n "${names_of[$1]-}" ]; } # PRIMARY

configured_key() { # PRIMARY: dehydrated's KEY_ALGO
  local KEY_ALGO=
  # shellcheck source=/dev/null
  . "$certificate_settings/$1"
  printf '%s' "$KEY_ALGO"
}

# Children inherit it: what a killed run leaves behind (dehydrated, for at most its own time limit) still holds it.
hold_lock() { # SECONDS
  mkdir -p "$run"
  exec 9>"$lock"
  flock --wait "$1" 9 || {
    echo "another run of certificates has been going on for $1 s. Nothing was changed; try again when it has ended (ps shows it)" >&2
    exit 1
  }
}
