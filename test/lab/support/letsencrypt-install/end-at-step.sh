# shellcheck shell=bash
# For BASH_ENV: counts the commands of every shell of a program, and kills the whole program (its process group) when
# the KILL_AT-th one is about to begin. STEPS: an empty file to count in. EVERY=yes counts all commands; otherwise those
# that change no file do not count, because what a kill leaves is the same before and after them.
: "${KILL_AT:?}" "${STEPS:?}" "${EVERY?}" "${GROUP:=$$}"
export GROUP
set -T

changes_nothing() { # COMMAND
  local command=${1//> \/dev\/null/} first=${1%% *}
  command=${command//>&[12]/}
  [[ $command != *'>'* ]] || return 1
  [[ $command =~ ^[A-Za-z_]+(\[[^]]*\])?[+]?= ]] && return
  declare -F "$first" >/dev/null && return
  case $first in
    '[' | '[[' | '((' | case | for | while | local | read | return | continue | declare | set | trap | : | mapfile) ;;
    awk | cat | cmp | cut | date | echo | grep | head | ls | openssl | printf | sed | sort | systemctl | tail | tr) ;;
    *) return 1 ;;
  esac
}

step() { # COMMAND
  local seen
  if [ "$EVERY" != yes ] && changes_nothing "$1"; then return; fi
  printf . >>"$STEPS"
  read -r seen <"$STEPS" || :
  [ "${#seen}" -lt "$KILL_AT" ] || kill -9 -- "-$GROUP"
}
trap 'step "$BASH_COMMAND"' DEBUG
