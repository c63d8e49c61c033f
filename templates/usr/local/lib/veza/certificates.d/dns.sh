# shellcheck shell=bash disable=SC2154
# (settings are another library's)
# The DNS contract: the CA reaches a name where DNS says, on each of its addresses, so each has to be one of ours.

lookup_seconds=15 # after which no other name is looked up; a second more for each name that there is

# Says which name does not lead to this edge, and where it leads; nothing when all do.
dns_problem() { # NAMES
  local name problem said='' allowed deadline names
  read -ra names <<<"$1"
  allowed=$((lookup_seconds + ${#names[@]}))
  deadline=$((SECONDS + allowed))
  for name in "${names[@]}"; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      said+="${said:+; }$name and those after it were not looked up: the DNS server${RESOLVER:+ $RESOLVER} took $allowed s for the others"
      break
    fi
    problem=$(name_problem "$name")
    [ -n "$problem" ] || continue
    said+="${said:+; }$name $problem"
    # With no answer at all, the other names would only add their time.
    [[ $problem != *'did not answer'* ]] || break
  done
  printf '%s' "$said"
}

name_problem() { # NAME
  local type found address strange=
  found=
  for type in A AAAA; do
    lookup "$1" "$type" || return 0
  done
  if [ -z "$found" ]; then
    echo "has no address in DNS, expected $PUBLIC_ADDRESSES"
    return
  fi
  for address in $found; do
    [[ " $PUBLIC_ADDRESSES " == *" $address "* ]] || strange=yes
  done
  [ -z "$strange" ] || echo "resolves to${found}, expected $PUBLIC_ADDRESSES and nothing else"
}

# Adds addresses to `found`, or says what went wrong and fails.
lookup() { # NAME TYPE
  local answer status server=()
  [ -z "$RESOLVER" ] || server=("@$RESOLVER" -p "$RESOLVER_PORT")
  if ! answer=$(timeout 7 dig "${server[@]}" +noall +comments +answer +time=3 +tries=2 "$1." "$2" 2>/dev/null); then
    echo "could not be looked up: the DNS server${RESOLVER:+ $RESOLVER} did not answer within 6 s"
    return 1
  fi
  status=$(sed -nE 's/.*status: ([A-Z]+),.*/\1/p' <<<"$answer" | head -n 1)
  case $status in
    NOERROR) ;;
    NXDOMAIN)
      echo "does not exist in DNS (NXDOMAIN), expected $PUBLIC_ADDRESSES"
      return 1
      ;;
    *)
      echo "could not be looked up: the DNS server${RESOLVER:+ $RESOLVER} says ${status:-nothing that makes sense}"
      return 1
      ;;
  esac
  found+=$(awk -v type="$2" '!/^;/ && $4 == type { printf " %s", $5 }' <<<"$answer")
}
