# shellcheck shell=bash disable=SC2154
# (settings are another library's)
# What came of asking the CA, kept on the volume: attempts/<first name>, and attempts/<first name>.log as the client's own
# words of the last time. From it follows when the CA may be asked again.

failures_an_hour=4

# When all certificates were looked at last, whether or not one was due: a timer that does not run shows in nothing else.
note_look() { printf '%s\n' "$EPOCHSECONDS" >"$VOLUME/.last-look" && mv -fT "$VOLUME/.last-look" "$VOLUME/last-look"; }

last_look() { cat "$VOLUME/last-look" 2>/dev/null || echo 0; }

# What read_attempt found: time (0: never), result (ok, failed or none), error, failures (times of those in a row in
# which the CA was asked), not_before (when the CA said that it may be asked again; 0: any time).
declare -A attempt=()

read_attempt() { # PRIMARY
  local key value
  attempt=([time]=0 [result]=none [error]='' [failures]='' [not_before]=0)
  [ -f "$VOLUME/attempts/$1" ] || return 0
  while read -r key value; do
    [ -z "$key" ] || attempt[$key]=$value
  done <"$VOLUME/attempts/$1"
}

write_attempt() { # PRIMARY
  local key incoming=$VOLUME/attempts/.$1
  mkdir -p "$VOLUME/attempts" &&
    for key in time result error failures not_before; do printf '%s %s\n' "$key" "${attempt[$key]}"; done >"$incoming" &&
    sync "$incoming" && mv -fT "$incoming" "$VOLUME/attempts/$1"
}

# Noted as failed before it begins, so that one that is killed counts, too.
begin_attempt() { # PRIMARY
  local time recent=
  read_attempt "$1"
  for time in ${attempt[failures]}; do
    if [ "$time" -gt $((EPOCHSECONDS - 3600)) ]; then recent+="$time "; fi
  done
  attempt[time]=$EPOCHSECONDS
  attempt[result]=failed
  attempt[error]='it was interrupted'
  attempt[failures]="$recent$EPOCHSECONDS"
  attempt[not_before]=0
  write_attempt "$1"
}

attempt_succeeded() { # PRIMARY
  read_attempt "$1"
  attempt[result]=ok
  attempt[error]=''
  attempt[failures]=''
  write_attempt "$1"
}

attempt_failed() { # PRIMARY REASON [NOT_BEFORE]
  read_attempt "$1"
  attempt[error]=$2
  attempt[not_before]=${3:-0}
  write_attempt "$1"
}

# One that ended before the CA was asked does not count against the limit.
not_attempted() { # PRIMARY REASON
  read_attempt "$1"
  attempt[time]=$EPOCHSECONDS
  attempt[result]=failed
  attempt[error]=$2
  write_attempt "$1"
}

# Says why the CA is not to be asked now; nothing when it may be.
pause() { # PRIMARY FORCE (or nothing)
  local time recent=()
  read_attempt "$1"
  if [ "${attempt[not_before]}" -gt "$EPOCHSECONDS" ]; then
    echo "the CA asked not to be asked again before $(iso "${attempt[not_before]}"). It said: ${attempt[error]}"
    return
  fi
  [ -z "$2" ] || return 0
  for time in ${attempt[failures]}; do
    if [ "$time" -gt $((EPOCHSECONDS - 3600)) ]; then recent+=("$time"); fi
  done
  [ "${#recent[@]}" -lt "$failures_an_hour" ] ||
    echo "${#recent[@]} attempts failed within an hour, so the CA is not asked again before $(iso $((recent[-failures_an_hour] + 3600))) (--force does). The last reason: ${attempt[error]}"
}
