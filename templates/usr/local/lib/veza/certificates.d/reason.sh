# shellcheck shell=bash disable=SC2154
# (settings are another library's)
# Why a certificate could not be had, as the hook learns it and `renew` tells it. The first thing said is the cause.

one_line() { tr -s '[:cntrl:]' ' ' <<<"$1" | cut -c1-1000 | sed 's/ *$//'; } # TEXT

keep_reason() { [ -s "$run/reason" ] || one_line "$1" >"$run/reason"; } # TEXT

kept() { if [ -f "$run/$1" ]; then cat "$run/$1"; fi; } # reason | kind | not-before

json_string() { # NAME JSON: the first value of that name
  tr '\r\n' '  ' <<<"$2" | grep -oE "\"$1\"[[:space:]]*:[[:space:]]*\"([^\"\\\\]|\\\\.)*\"" | head -n 1 |
    sed -E 's/^"[^"]*"[[:space:]]*:[[:space:]]*"(.*)"$/\1/; s/\\(["\\/])/\1/g' || :
}

keep_refusal() { # STATUS BODY HEADERS
  local kind detail pause
  kind=$(json_string type "$2")
  kind=${kind##*:}
  detail=$(json_string detail "$2")
  keep_reason "the CA refuses: ${detail:-HTTP status $1}${kind:+ ($kind)}"
  printf '%s' "$kind" >"$run/kind"
  pause=$(retry_after "$kind" "$detail" "$3")
  [ -z "$pause" ] || printf '%s' "$pause" >"$run/not-before"
}

# When the CA wants to be asked again: the Retry-After header (seconds, or a date), else what Let's Encrypt writes into
# its text, else an hour where a limit is said to be reached. Not longer than longest_pause, whoever says so: it may be a
# proxy's page.
retry_after() { # KIND DETAIL HEADERS
  local value until=''
  value=$(tr -d '\r' <<<"$3" | sed -nE 's/^retry-after:[[:space:]]*(.*)$/\1/Ip' | tail -n 1)
  [ -n "$value" ] || value=$(sed -nE 's/.*retry after ([0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9:]{8}( ?UTC|Z)).*/\1/Ip' <<<"$2")
  if [[ $value =~ ^0*([0-9]+)$ ]]; then
    value=${BASH_REMATCH[1]}
    until=$((EPOCHSECONDS + (${#value} > 7 ? longest_pause : value)))
  elif [ -n "$value" ]; then
    until=$(date -u -d "$value" +%s 2>/dev/null) || :
  fi
  if [ -z "$until" ] && [ "$1" = rateLimited ]; then until=$((EPOCHSECONDS + 3600)); fi
  [ -z "$until" ] || echo "$((until < EPOCHSECONDS + longest_pause ? until : EPOCHSECONDS + longest_pause))"
}

keep_invalid_challenge() { # RESULT: lines of ["path","to"]<TAB>value
  local name detail kind
  name=$(sed -nE 's/^\["validationRecord",0,"hostname"\][[:space:]]*"(.*)"$/\1/p' <<<"$1")
  detail=$(sed -nE 's/^\["error","detail"\][[:space:]]*"(.*)"$/\1/p' <<<"$1" | sed 's/\\"/"/g')
  kind=$(sed -nE 's/^\["error","type"\][[:space:]]*"(.*)"$/\1/p' <<<"$1")
  keep_reason "the CA could not see the challenge${name:+ at $name}: ${detail:-no reason given}${kind:+ (${kind##*:})}"
}

explain_client() { # MESSAGE of dehydrated
  case $1 in
    *'curl returned with 6)'*) echo "the CA's name does not resolve: $1" ;;
    *'curl returned with 7)'*) echo "the CA does not accept connections: $1" ;;
    *'curl returned with 28)'*) echo "the CA does not answer in time: $1" ;;
    *'curl returned with 60)'*) echo "the CA's own certificate is not trusted: $1" ;;
    *) printf '%s\n' "$1" ;;
  esac
}
