# shellcheck shell=bash disable=SC2154,SC2034
# (settings and facts about certificates are other libraries', and another one reads what is set here)
# Issued certificates on the volume: issued/<CA>/<first name>.pem, which outlive containers, entries and changes of CA.

issuer_directory() { printf '%s/issued/%s' "$VOLUME" "${DIRECTORY//[^a-zA-Z0-9.-]/_}"; }

issued_pem() { printf '%s/%s.pem' "$(issuer_directory)" "$1"; } # PRIMARY: where the configured CA's lies, or would

# Takes a new certificate in when it is what was asked for. What is wrong is printed, and nothing changed then.
store_certificate() { # PRIMARY FULLCHAIN KEY
  local target incoming problem
  is_configured "$1" || { echo "no certificate of that name is configured"; return 1; }
  [ "${VEZA_RENEWAL-$1}" = "$1" ] || { echo "this is not the certificate that was asked for ($VEZA_RENEWAL)"; return 1; }
  target=$(issued_pem "$1")
  mkdir -p "${target%/*}" || return 1
  incoming=${target%/*}/.$1.incoming
  # HAProxy's admin socket takes an empty line for the end.
  sed '/^[[:space:]]*$/d' "$2" "$3" >"$incoming" || return 1
  problem=$(pem_problem "$incoming")
  if [ -z "$problem" ]; then
    read_certificate "$incoming"
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

# Sets `best` to the best PEM for HAProxy, to nothing where the one that it has is the best. In this order: issued by
# the configured CA; by another one (the CA was changed: the old certificate serves until the new one is there); what
# HAProxy has, if it was issued; the placeholder. Neither other names nor an expiry make an issued certificate worse
# than a placeholder: who has been told to use HTTPS only would see an error with either.
choose_best() { # PRIMARY
  local candidate live=$CERTIFICATES/$1.pem
  best=
  while IFS= read -r candidate; do
    usable "$candidate" "$1" || continue
    best=$candidate
    return
  done < <(issued_pem "$1" && echo && ls -1t -- "$VOLUME/issued/"*"/$1.pem" 2>/dev/null)
  if usable "$live" "$1" && ! is_placeholder; then return; fi
  if usable "$PLACEHOLDERS/$1.pem" "$1"; then best=$PLACEHOLDERS/$1.pem; fi
}

usable() { # PEM PRIMARY
  read_certificate "$1" && has_names "$2" && [ -z "$(pem_problem "$1")" ]
}

# Says why the CA is to be asked for a certificate; nothing when it is not.
due() { # PRIMARY
  local pem left third
  pem=$(issued_pem "$1")
  if ! usable "$pem" "$1"; then
    echo 'this CA has not issued it'
    return
  fi
  left=$((certificate[not_after] - EPOCHSECONDS))
  third=$(((certificate[not_after] - certificate[not_before]) / 3))
  if [ "${certificate[names]}" != "$(sorted "${names_of[$1]}")" ]; then
    echo "it is for ${certificate[names]}"
  elif [ "${certificate[key]}" != "$(key_algorithm "$(configured_key "$1")")" ]; then
    echo 'its key is of another type'
  elif [ "$left" -le "$third" ]; then
    echo "it ends on $(iso "${certificate[not_after]}")"
  fi
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
    is_configured "$primary" || rm -f "$VOLUME/attempts/$primary" "$VOLUME/attempts/$primary.log"
  done
}
