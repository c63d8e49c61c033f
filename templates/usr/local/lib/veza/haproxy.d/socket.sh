# shellcheck shell=bash disable=SC2034
# (one of the two is not used by all that this goes with)
# The sockets of an HAProxy, and the one way to say something to it. Also goes in front of scripts that are sent into its
# container.

admin=/run/haproxy/admin.sock   # of the newest worker
master=/run/haproxy-master.sock # of the master process, which also reaches old workers

# Prints the answer; fails where there is none within so many seconds. A command may have lines that go with it.
ask() { # SOCKET SECONDS COMMAND
  printf '%s\n' "$3" | timeout "$(($2 + 1))" socat -t "$2" - "UNIX-CONNECT:$1" 2>/dev/null
}

# The newest worker's answer; says so where there is none.
answer() { # COMMAND
  ask "$admin" 5 "$1" || {
    echo "haproxy did not answer '$1' on $admin within 5 s" >&2
    return 1
  }
}
