# shellcheck shell=bash disable=SC2154
# (settings are another library's)
# What came of asking a CA, kept on the volume: attempts/<CA>/<first name>, and beside it <first name>.log as the client's
# own words of the last time. From it follows when that CA may be asked again.

failures_an_hour=4
longest_pause=604800 # seconds: more than any CA's limit, less than what a certificate has left when it is due

# When all certificates were looked at last, whether or not one was due: a timer that does not run shows in nothing else.
note_look() { printf '%s\n' "$EPOCHSECONDS" >"$VOLUME/.last-look" && mv -fT "$VOLUME/.last-look" "$VOLUME/last-look"; }

last_look() { cat "$VOLUME/last-look" 2>/dev/null || echo 0; }

# What read_attempt found: time (0: never), result (ok, failed or none), error, failures (times of those in a row in
# which the CA was asked), not_before (when the CA said that it may be asked again; 0: any time), names (that it was
# asked for).
declare -A attempt=()

attempt_file() { printf '%s/attempts/%s/%s' "$VOLUME" "$(ca_word)" "$1"; } # PRIMARY

read_attempt() { # PRIMARY
  local key value file
  file=$(attempt_file "$1")
  attempt=([time]=0 [result]=none [error]='' [failures]='' [not_before]=0 [names]='')
  [ -f "$file" ] || return 0
  while read -r key value; do
    [ -z "$key" ] || attempt[$key]=$value
  done <"$file"
}

write_attempt() { # PRIMARY
  local key file incoming
  file=$(attempt_file "$1")
  incoming=${file%/*}/.incoming
  mkdir -p "${file%/*}" &&
    for key in time result error failures not_before names; do printf '%s %s\n' "$key" "${attempt[$key]}"; done >"$incoming" &&
    sync "$incoming" && mv -fT "$incoming" "$file"
}

# Noted as failed before it begins, so that one that is killed counts, too.
begin_attempt() { # PRIMARY
  local recent
  read_attempt "$1"
  recent=$(recent_failures "$1")
  attempt[time]=$EPOCHSECONDS
  attempt[result]=failed
  attempt[error]='it was interrupted'
  attempt[failures]="${recent:+$recent }$EPOCHSECONDS"
  attempt[not_before]=0
  attempt[names]=$(sorted "${names_of[$1]}")
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

# Of the attempt that was read, times of failures within the last hour. Those for other names are not this certificate's,
# and those in the future are from a clock that was wrong, which may be why they failed.
recent_failures() { # PRIMARY
  local time recent=
  [ "${attempt[names]}" = "$(sorted "${names_of[$1]}")" ] || return 0
  for time in ${attempt[failures]}; do
    if [ "$time" -gt $((EPOCHSECONDS - 3600)) ] && [ "$time" -le "$EPOCHSECONDS" ]; then recent+="${recent:+ }$time"; fi
  done
  printf '%s' "$recent"
}

# Says why the CA is not to be asked now; nothing when it may be.
pause() { # PRIMARY FORCE (or nothing)
  local recent
  read_attempt "$1"
  if [ "${attempt[names]}" = "$(sorted "${names_of[$1]}")" ] && [ "${attempt[not_before]}" -gt "$EPOCHSECONDS" ] &&
    [ "${attempt[not_before]}" -le $((EPOCHSECONDS + longest_pause)) ]; then
    echo "the CA asked not to be asked again before $(iso "${attempt[not_before]}") (noted in $(attempt_file "$1")). It said: ${attempt[error]}"
    return
  fi
  [ -z "$2" ] || return 0
  read -ra recent <<<"$(recent_failures "$1")"
  [ "${#recent[@]}" -lt "$failures_an_hour" ] ||
    echo "${#recent[@]} attempts failed within an hour, so the CA is not asked again before $(iso $((recent[-failures_an_hour] + 3600))) (--force does). The last reason: ${attempt[error]}"
}
