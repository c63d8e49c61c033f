# shellcheck shell=bash
# Completes `veza` in bash and zsh. Parameter: _veza_words, a line for each verb (`VERB…=WORDS`) and for each option that
# has values of its own.
: "${_veza_words:?}"

# Sets `_veza_found` to what the table says of a key; it fails where the table does not have it.
_veza_look() { # KEY
  local line
  while IFS= read -r line; do
    case $line in
      "$1="*) _veza_found=${line#*=}; return 0 ;;
    esac
  done <<<"$_veza_words"
  return 1
}

_veza() {
  local at='' n word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} _veza_found=''
  for ((n = 1; n < COMP_CWORD; n++)); do
    if _veza_look "$at ${COMP_WORDS[n]}"; then at="$at ${COMP_WORDS[n]}"; fi
  done
  case $before in
    -*) _veza_look "$before" || _veza_look "$at" || : ;;
    *) _veza_look "$at" || : ;;
  esac
  # Words of the table hold nothing that a shell would expand.
  # shellcheck disable=SC2207
  COMPREPLY=($(compgen -W "$_veza_found" -- "$word"))
}

if [ -n "${ZSH_VERSION-}" ]; then
  autoload -U +X bashcompinit && bashcompinit
fi
complete -F _veza veza
