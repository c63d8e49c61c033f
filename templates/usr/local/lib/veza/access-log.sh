#!/bin/bash
# access-log FILE OLDER BYTES
# Appends the lines of standard input to FILE. At BYTES it becomes FILE.1, at the end of a line; what was FILE.1 becomes
# FILE.2, and so on up to FILE.OLDER.
set -euo pipefail

log=$1 older=$2 bytes=$3

move_on() {
  local n
  for ((n = older - 1; n >= 1; n--)); do
    [ ! -e "$log.$n" ] || mv -fT "$log.$n" "$log.$((n + 1))"
  done
  mv -fT "$log" "$log.1"
}

# What an earlier configuration kept and this one does not.
for old in "$log".*; do
  [[ ! ${old#"$log."} =~ ^[0-9]+$ ]] || [ "${old#"$log."}" -le "$older" ] || rm -f "$old"
done

while :; do
  size=$(stat -c %s "$log" 2>/dev/null || echo 0)
  if [ "$size" -ge "$bytes" ]; then
    move_on
    continue
  fi
  # Takes so much and no more, so that nothing is lost from one file to the next; and keeps no line back.
  stdbuf -o0 head -c "$((bytes - size))" >>"$log"
  IFS= read -r rest || exit 0
  printf '%s\n' "$rest" >>"$log"
done
