# shellcheck shell=bash disable=SC2154,SC2034
# (settings and facts about certificates are other libraries', and another one reads what is set here)
# Issued certificates on the volume: issued/<CA>/<first name>.pem, which outlive containers, entries and changes of CA.

issuer_directory() { printf '%s/issued/%s' "$VOLUME" "$(ca_word)"; }

issued_pem() { printf '%s/%s.pem' "$(issuer_directory)" "$1"; } # PRIMARY: where the configured CA's lies, or would

# Takes a new certificate in when it is what was asked for. What is wrong is printed, and nothing changed then.
store_certificate() { # PRIMARY FULLCHAIN KEY
  local target incoming problem
  is_configured "$1" || { echo "no certificate of that name is configured"; return 1; }
  [ "${VEZA_RENEWAL-$1}" = "$1" ] || { echo "this is not the certificate that was asked for ($VEZA_RENEWAL)"; return 1; }
  target=$(issued_pem "$1")
  mkdir -p "${target%/*}" || return 1
  incoming=$run/incoming.pem
  # HAProxy's admin socket takes an empty line for the end.
  sed '/^[[:space:]]*$/d' "$2" "$3" >"$incoming" || return 1
  if ! read_certificate "$incoming"; then
    problem='it holds no certificate'
  else
    problem=$(pem_problem "$incoming")
  fi
  if [ -z "$problem" ]; then
    if ! has_names "${names_of[$1]}"; then
      problem="it is for ${certificate[names]:-no name}, asked for was ${names_of[$1]}"
    elif [ "${certificate[not_after]}" -le "$EPOCHSECONDS" ]; then
      problem="it expired on $(iso "${certificate[not_after]}")"
    else
      problem=$(haproxy_problem "$incoming")
    fi
  fi
  if [ -n "$problem" ]; then
    rm -f "$incoming"
    echo "the CA's new certificate cannot be used: $problem. The old one stays in service"
    return 1
  fi
  put "$incoming" "$target" && rm -f "$incoming"
}

# What read_issued found of each sound PEM on the volume, by its path.
declare -A issued_names=() issued_key=() issued_from=() issued_until=()

# Done anew after each change: whatever needs the best one of many reads them all.
read_issued() {
  local pem
  issued_names=() issued_key=() issued_from=() issued_until=()
  for pem in "$VOLUME"/issued/*/*.pem; do
    if ! usable "$pem"; then continue; fi
    issued_names[$pem]=${certificate[names]}
    issued_key[$pem]=${certificate[key]}
    issued_from[$pem]=${certificate[not_before]}
    issued_until[$pem]=${certificate[not_after]}
  done
}

# Sets `best` to the best PEM for HAProxy, to nothing where the one that it has is the best. In this order: one that was
# issued and lies on the volume, whatever it was called by then; what HAProxy has, if it was issued; the placeholder.
# Neither other names nor an expiry make an issued certificate worse than a placeholder: who has been told to use HTTPS
# only would see an error with either.
choose_best() { # PRIMARY
  local live=$CERTIFICATES/$1.pem placeholder=$PLACEHOLDERS/$1.pem
  best=$(candidates "$1" | sort -t $'\t' -k1,1nr -k2,2nr -k3,3nr -k4,4nr -k5,5nr -k6,6nr | head -n 1 | cut -f 7)
  [ -z "$best" ] || return 0
  if usable "$live" && ! is_placeholder && has_one_of "${names_of[$1]}"; then return; fi
  if usable "$placeholder" && has_names "$1"; then best=$placeholder; fi
}

# Issued PEMs for PRIMARY, with what decides between them: not expired; how many of its names it has, the first one before
# others; of the configured CA (another one's serve until the new one is there); for these names and no other; of the
# configured type of key; from when it is.
candidates() { # PRIMARY
  local pem name wanted ours key valid count by_us exact right_key
  wanted=$(sorted "${names_of[$1]}")
  ours=$(issuer_directory)
  key=$(key_algorithm "$(configured_key "$1")")
  for pem in "${!issued_names[@]}"; do
    valid=0 count=0 by_us=0 exact=0 right_key=0
    for name in ${names_of[$1]}; do
      if [[ " ${issued_names[$pem]} " == *" $name "* ]]; then count=$((count + 2)); fi
    done
    if [[ " ${issued_names[$pem]} " == *" $1 "* ]]; then count=$((count + 1)); fi
    if [ "${issued_until[$pem]}" -gt "$EPOCHSECONDS" ]; then valid=1; fi
    if [ "${pem%/*}" = "$ours" ]; then by_us=1; fi
    if [ "${issued_names[$pem]}" = "$wanted" ]; then exact=1; fi
    if [ "${issued_key[$pem]}" = "$key" ]; then right_key=1; fi
    # An expired one only under its own name: in another file it could stand in the way of a valid one.
    if [ "$count" -eq 0 ] || { [ "$valid" -eq 0 ] && [ "${pem##*/}" != "$1.pem" ]; }; then continue; fi
    printf '%d\t%d\t%d\t%d\t%d\t%d\t%s\n' "$valid" "$count" "$by_us" "$exact" "$right_key" "${issued_from[$pem]}" "$pem"
  done
}

usable() { # PEM
  read_certificate "$1" && [ -z "$(pem_problem "$1")" ]
}

# Says why the CA is to be asked for a certificate; nothing when it is not.
due() { # PRIMARY
  local ours pem best='' wanted key other='' third
  ours=$(issuer_directory)
  wanted=$(sorted "${names_of[$1]}")
  key=$(key_algorithm "$(configured_key "$1")")
  for pem in "${!issued_names[@]}"; do
    [ "${pem%/*}" = "$ours" ] || continue
    if [ "${issued_names[$pem]}" != "$wanted" ]; then
      if [ "${pem##*/}" = "$1.pem" ]; then other="it is for ${issued_names[$pem]}"; fi
    elif [ "${issued_key[$pem]}" != "$key" ]; then
      other='its key is of another type'
    elif [ -z "$best" ] || [ "${issued_from[$pem]}" -gt "${issued_from[$best]}" ]; then
      best=$pem
    fi
  done
  if [ -z "$best" ]; then
    echo "${other:-this CA has not issued it}"
    return
  fi
  third=$(((issued_until[$best] - issued_from[$best]) / 3))
  [ $((issued_until[$best] - EPOCHSECONDS)) -gt "$third" ] || echo "it ends on $(iso "${issued_until[$best]}")"
}

key_algorithm() { # KEY_ALGO
  case $1 in
    rsa) echo rsaEncryption ;;
    *) echo id-ecPublicKey ;;
  esac
}

# Expired certificates that nothing refers to any more. The others stay: an entry that comes back needs no new order.
forget_expired() {
  local pem primary
  for pem in "$VOLUME"/issued/*/*.pem; do
    [ -e "$pem" ] || continue
    primary=${pem##*/}
    primary=${primary%.pem}
    if [ "$pem" = "$(issued_pem "$primary")" ] && is_configured "$primary"; then continue; fi
    if read_certificate "$pem" && [ "${certificate[not_after]}" -gt "$EPOCHSECONDS" ]; then continue; fi
    rm -f "$pem"
    is_configured "$primary" || rm -f "$VOLUME/attempts/"*"/$primary" "$VOLUME/attempts/"*"/$primary.log"
  done
}
