# shellcheck shell=bash
# Follow-up (see files.sh) of placeholder certificates: they go to HAProxy where nothing better is.

follow_up() {
  place
  /usr/local/lib/veza/certificates install ||
    fail "the certificates could not be given to HAProxy; the reason is above. State now: what it served before, it still serves"
}
