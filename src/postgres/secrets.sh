# shellcheck shell=bash
# Follow-up (see files.sh) of a database node's passwords. Before the node's program is there, nobody has to be told.

follow_up() {
  place
  [ -x /usr/local/lib/veza/postgres ] || return 0
  /usr/local/lib/veza/postgres apply || fail 'the passwords could not be taken over, for the reason above'
}
