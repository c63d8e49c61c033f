# shellcheck shell=bash disable=SC2034
# (other libraries read what is set here)
# Where things are, who runs what, and the lock that everything which changes the node holds.

# NODE, PEER, PEER_ADDRESS, INITIAL_PRIMARY, SLOT, PEER_SLOT, DATABASES, OWNERS, VERSION and ports.
# shellcheck source=/dev/null
. /etc/veza/postgres.env

bin=/usr/lib/postgresql/$VERSION/bin
# Debian's own psql is a program that looks for this one, and takes five times as long.
PATH=$bin:$PATH
configuration=/etc/postgresql/veza/postgresql.conf
passwords=/etc/postgresql/veza/passwords
pgpass=/etc/postgresql/veza/pgpass
home=/var/lib/postgresql         # the volume
data=$home/$VERSION/veza         # a whole cluster, or not there
incoming=$home/$VERSION/veza.new # one that is being made
meta=$home/veza                  # what the node knows about itself, with its data
fence_file=$meta/fenced
rewinding_file=$meta/rewinding
newest_file=$meta/newest-timeline
run=/run/veza/postgres           # what a reboot forgets
confirmed_file=$run/confirmed
promoting_file=$run/promoting
peer_file=$run/peer
lock=/run/veza/postgres.lock

fail() {
  printf '%s: %s\n' "$NODE" "$1" >&2
  exit 1
}
say() { printf '%s: %s\n' "$NODE" "$1"; }

# What it runs ends with it, so that nothing goes on behind the back of the next run.
as_postgres() {
  if [ "$EUID" = 0 ]; then
    setpriv --reuid=postgres --regid=postgres --init-groups --pdeathsig KILL -- "$@"
  else
    "$@"
  fi
}

# The same for a program that starts others: all of them end. Not in a pipe or a substitution, where it would be the child
# of a shell that lives on.
all_as_postgres() {
  setpriv --pdeathsig KILL -- unshare --pid --fork --kill-child=KILL -- \
    setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"
}

# Children inherit it, but for those of systemd.
hold_lock() {
  mkdir -p "${lock%/*}" "$run"
  exec 9>"$lock"
  flock --wait 30 9 || fail "another change to this node has been going on for 30 s (ps shows it). Nothing was changed; try again when it has ended"
}

# Written whole or not at all, and there after a power cut; the watch and a verb may write the same at the same time.
remember() { # FILE TEXT
  local new=$1.new.$BASHPID
  install -d -m 0750 -o postgres -g postgres "${1%/*}"
  printf '%s\n' "$2" >"$new"
  chown postgres:postgres "$new"
  sync "$new"
  mv -f "$new" "$1"
  sync "${1%/*}"
}

forget() { # FILE
  [ -e "$1" ] || return 0
  rm -f "$1"
  sync "${1%/*}"
}
