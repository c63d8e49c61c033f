# shellcheck shell=bash disable=SC2154
# (where things are is said by the other libraries)
# Files that HAProxy has read, and that have changed since: certificates and maps.

# True when HAProxy can be told something. One that starts has read its files already, or is about to: it is waited for.
running() {
  local deadline=$((SECONDS + 30)) state
  until ask "$admin" 5 'show version' >/dev/null; do
    state=$(systemctl show -P ActiveState -P SubState haproxy | paste -sd/)
    case $state in
      inactive/* | failed/* | */auto-restart*)
        echo "haproxy does not run ($state): it reads $1 when it starts"
        return 1
        ;;
    esac
    if [ "$SECONDS" -ge "$deadline" ]; then
      echo "haproxy ($state) does not answer on $admin" >&2
      exit 1
    fi
    sleep 0.2
  done
}

unknown() { echo "the running haproxy has no $1: it reads it when it is told to"; } # FILE

# Says a command and what goes with it (lines on standard input, none of them empty), and prints the answer.
tell() { # COMMAND
  ask "$admin" 30 "$1 <<"$'\n'"$(cat)"$'\n'
}

use_certificate() { # PEM
  local wanted said pending
  wanted=$(openssl x509 -in "$1" -noout -fingerprint -sha1 2>/dev/null | sed 's/.*=//; s/://g') || {
    echo "there is no certificate in $1" >&2
    return 1
  }
  running "$1" || return 0
  said=$(answer 'show ssl cert')
  # Nobody else is at work, so one that was begun is one that was not ended.
  pending=$(sed -n 's/^\*//p' <<<"$said" | head -n 1)
  [ -z "$pending" ] || ask "$admin" 5 "abort ssl cert $pending" >/dev/null
  grep -qxF "$1" <<<"$said" || {
    unknown "$1" >&2
    return 3
  }
  [ "$(certificate_in_use "$1")" != "$wanted" ] || return 0
  if [ "$(stat -c %s "$1")" -gt "$(($(buffer_bytes) - 2048))" ]; then
    use_by_reload "$1" "$wanted"
    return
  fi
  said=$(grep -v '^[[:space:]]*$' "$1" | tell "set ssl cert $1") || said='it did not answer'
  if [[ $said != *'Transaction created for certificate'* ]]; then
    echo "haproxy does not take $1: $(tr '\n' ' ' <<<"$said")" >&2
    return 1
  fi
  said=$(ask "$admin" 30 "commit ssl cert $1") || said='it did not answer'
  if [ "$(certificate_in_use "$1")" != "$wanted" ]; then
    ask "$admin" 5 "abort ssl cert $1" >/dev/null || :
    echo "haproxy took $1 and does not use it: $(tr '\n' ' ' <<<"$said")" >&2
    return 1
  fi
  echo "haproxy uses $1"
}

# One command with all that it brings has to fit into one of HAProxy's buffers, which keeps a part for itself; a file
# may be of any size. The last line counts: a user may have one, too.
buffer_bytes() { awk '$1 == "tune.bufsize" { bytes = $2 } END { print bytes ? bytes : 16384 }' "$config"; }

use_by_reload() { # PEM FINGERPRINT
  local deadline
  reload || {
    echo "haproxy does not take $1, which is too big for its buffer, by a reload either" >&2
    return 1
  }
  # For a moment the old worker is still asked.
  deadline=$((SECONDS + 15))
  until [ "$(certificate_in_use "$1")" = "$2" ]; do
    [ "$SECONDS" -lt "$deadline" ] || {
      echo "haproxy was reloaded and does not use $1" >&2
      return 1
    }
    sleep 0.2
  done
  echo "haproxy uses $1, after a reload: the file is too big for haproxy's buffer"
}

certificate_in_use() { # PEM: its fingerprint
  answer "show ssl cert $1" | sed -n 's/^SHA1 FingerPrint: //p'
}

use_map() { # MAP
  local wanted said version part
  wanted=$(entries <"$1")
  running "$1" || return 0
  said=$(answer 'show map')
  grep -qF " ($1) " <<<"$said" || {
    unknown "$1"
    return 0
  }
  [ "$(map_in_use "$1")" != "$wanted" ] || return 0
  version=$(answer "prepare map $1" | sed -n 's/^New version created: //p')
  # In parts, because one command has to fit into one of HAProxy's buffers.
  while [ -n "$wanted" ] && mapfile -t -n 50 part && [ "${#part[@]}" -gt 0 ]; do
    said=$(printf '%s\n' "${part[@]}" | tell "add map @$version $1") || said='it did not answer'
    [ -z "$said" ] || {
      echo "haproxy does not take $1: $(tr '\n' ' ' <<<"$said")" >&2
      return 1
    }
  done <<<"$wanted"
  said=$(ask "$admin" 5 "commit map @$version $1") || said='it did not answer'
  [ "$(map_in_use "$1")" = "$wanted" ] || {
    echo "haproxy took $1 and does not use it: $(tr '\n' ' ' <<<"$said")" >&2
    return 1
  }
  echo "haproxy uses $1"
}

# What HAProxy would not start without comes back. A run that was killed is made good by the next one.
remove_certificates() { # PEM...
  local pem said
  for pem; do
    [ ! -f "$pem" ] || mv -fT "$pem" "$(aside "$pem")"
  done
  if ! said=$(starts_without 2>&1) || { systemctl is-active --quiet haproxy && ! said=$(reload 2>&1); }; then
    for pem; do
      [ ! -f "$(aside "$pem")" ] || mv -fT "$(aside "$pem")" "$pem"
    done
    echo "haproxy does not do without $*:
$(grep -F '[ALERT]' <<<"$said" || printf '%s' "$said")" >&2
    return 1
  fi
  for pem; do rm -f "$(aside "$pem")"; done
}

# A name that HAProxy skips.
aside() { printf '%s/.%s.removed' "${1%/*}" "${1##*/}"; } # PEM

starts_without() {
  [ ! -f "$config" ] || STATE_FILE=/dev/null timeout 30 haproxy -c -f "$config"
}

# What a map file says, in one order.
entries() { awk '!/^[[:space:]]*(#|$)/ { $1 = $1; print }' | LC_ALL=C sort; }

map_in_use() { # MAP: as `entries`
  answer "show map $1" | cut -d' ' -f2- | entries
}
