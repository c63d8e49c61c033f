# shellcheck shell=bash disable=SC2154
# (settings are another library's)
# Facts about a PEM, chain and key in one file. Its certificate is the first one in it.

# What read_certificate found: names (sorted, separated by spaces), issuer, organization (of the subject), not_before,
# not_after, serial, key (rsaEncryption or id-ecPublicKey), public (that key, PEM).
declare -A certificate=()

# Fails where there is no certificate.
read_certificate() { # PEM
  local text line part='' common_name='' organization='' from='' until='' times
  certificate=()
  [ -f "$1" ] || return 1
  text=$(openssl x509 -in "$1" -noout -pubkey -serial -startdate -enddate -dateopt iso_8601 -subject -issuer \
    -nameopt sep_multiline,utf8,sname -text 2>/dev/null) || return 1
  certificate=([names]='' [organization]='' [serial]='' [key]='' [public]="${text%%'-----END PUBLIC KEY-----'*}-----END PUBLIC KEY-----")
  # Names on lines of their own are indented by four; the same ones within the text further.
  while IFS= read -r line; do
    case $line in
      serial=*) certificate[serial]=${line#*=} ;;
      notBefore=*) from=${line#*=} ;;
      notAfter=*) until=${line#*=} ;;
      subject=* | issuer=*) part=${line%%=*} ;;
      '    CN='*) [ "$part" != issuer ] || common_name=${line#*=} ;;
      '    O='*) if [ "$part" = issuer ]; then organization=${line#*=}; else certificate[organization]=${line#*=}; fi ;;
      *'Public Key Algorithm: '*) certificate[key]=${line##*: } ;;
      *' DNS:'*)
        line=${line//DNS:/}
        certificate[names]=$(sorted "${line//,/}")
        ;;
    esac
  done <<<"$text"
  mapfile -t times < <(date -u -f - +%s <<<"$from"$'\n'"$until")
  certificate[not_before]=${times[0]}
  certificate[not_after]=${times[1]}
  certificate[issuer]=${common_name:-$organization}
  certificate[issuer]=${certificate[issuer]//$'\t'/ }
}

sorted() { # WORDS: without duplicates, separated by spaces
  local words IFS=$'\n'
  IFS=' ' read -ra words <<<"$1"
  mapfile -t words < <(sort -u <<<"${words[*]}")
  IFS=' '
  printf '%s' "${words[*]}"
}

has_names() { # WORDS: true when the certificate that was read is for all of them
  local name
  for name in $1; do
    [[ " ${certificate[names]} " == *" $name "* ]] || return 1
  done
}

has_one_of() { # WORDS
  local name
  for name in $1; do
    if has_names "$name"; then return 0; fi
  done
  return 1
}

is_placeholder() { [ "${certificate[organization]}" = "$PLACEHOLDER_ORGANIZATION" ]; }

is_valid() { ! is_placeholder && [ "${certificate[not_after]}" -gt "$EPOCHSECONDS" ]; }

# Says what keeps HAProxy from serving PEM, whose certificate was read; nothing when nothing does.
pem_problem() { # PEM
  local rest
  [ "${certificate[public]}" = "$(openssl pkey -in "$1" -pubout 2>/dev/null)" ] || { echo 'its key is not the key of the certificate'; return; }
  rest=$(<"$1")
  rest=${rest#*-----END CERTIFICATE-----}
  [[ $rest == *'BEGIN CERTIFICATE'* ]] || return 0
  openssl verify -partial_chain -no_check_time -trusted <(printf '%s\n' "$rest") "$1" >/dev/null 2>&1 ||
    echo 'the chain does not belong to the certificate'
}

# Says what HAProxy itself has against PEM, warnings too; nothing when it takes it.
haproxy_problem() { # PEM
  local said
  printf 'global\n  tune.ssl.default-dh-param 2048\ndefaults\n  mode http\n  timeout client 1s\nfrontend check\n  bind 127.0.0.1:443 ssl crt %s\n' \
    "$1" >"$run/check.cfg"
  said=$(timeout 30 haproxy -c -dW -f "$run/check.cfg" 2>&1) ||
    printf 'haproxy does not take it: %s' "$(grep -E '^\[(ALERT|WARNING)\]' <<<"$said" | tr '\n' ' ' || echo 'no answer within 30 s')"
}

temporary=.incoming # as long as it is: a name with more around it may be too long for a file

# The file is whole at its name, or not there at all; also after a power cut.
put() { # FILE TARGET
  local incoming=${2%/*}/$temporary
  install -m 0600 "$1" "$incoming" && sync "$incoming" && mv -fT "$incoming" "$2" && sync "${2%/*}"
}

iso() { date -u -d "@$1" +%Y-%m-%dT%H:%M:%SZ; } # SECONDS
