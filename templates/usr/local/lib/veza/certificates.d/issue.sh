# shellcheck shell=bash disable=SC2154
# (settings, facts about certificates and attempts are other libraries')
# Asking the CA, by way of dehydrated, one certificate at a time.

failures=()          # what to say about each that could not be had
declare -A tried=()  # certificates that this run did something about
not_installed=       # set where HAProxy could not be given what there is
registered_again=    # set once this run has set an account aside

renew() { # [--force] [NAME...]
  local force='' primary wanted=()
  while [ "$#" -gt 0 ]; do
    case $1 in
      --force) force=yes ;;
      -*) usage ;;
      *)
        is_configured "$1" || {
          echo "$1 is not the first name of a configured certificate; those are: ${primaries[*]}" >&2
          exit 2
        }
        wanted+=("$1")
        ;;
    esac
    shift
  done
  if [ "${#wanted[@]}" -eq 0 ]; then
    wanted=("${primaries[@]}")
    note_look || :
  fi
  read_issued
  # Left behind by a killed run. A younger file may be part of something that somebody does by hand.
  find "$CHALLENGES" -type f -mmin +60 -delete 2>/dev/null || :
  update_contact
  for primary in "${wanted[@]}"; do
    renew_one "$primary" "$force" || :
  done
  empty_run
  install_all || not_installed=yes
  settle
  forget_expired
  report_failures
}

renew_one() { # PRIMARY FORCE (or nothing)
  local why problem
  why=$(due "$1")
  if [ -z "$why" ] && [ -z "$2" ]; then
    echo "$1: nothing to do"
    return
  fi
  tried[$1]=yes
  problem=$(pause "$1" "$2")
  if [ -n "$problem" ]; then
    failures+=("$1: $problem")
    return 1
  fi
  problem=$(dns_problem "${names_of[$1]}")
  if [ -n "$problem" ]; then
    not_attempted "$1" "$problem"
    failures+=("$1: $problem")
    return 1
  fi
  begin_attempt "$1" || {
    failures+=("$1: the attempt could not be noted below $VOLUME (is the volume full?), so the CA was not asked")
    return 1
  }
  if ask "$1" || { [ "$(kept kind)" = accountDoesNotExist ] && register_again && ask "$1"; }; then
    attempt_succeeded "$1" || :
    remember_contact
    read_certificate "$(issued_pem "$1")"
    read_issued
    echo "$1: issued, valid until $(iso "${certificate[not_after]}") (asked because ${why:-it was forced})"
    return
  fi
  problem=$(kept reason)
  attempt_failed "$1" "$problem" "$(kept not-before)" || :
  failures+=("$1: $problem")
  return 1
}

empty_run() { rm -rf "$run" && mkdir -m 0700 "$run"; }

# One order, from dehydrated's start to its hook's end. Fails with the reason kept.
ask() { # PRIMARY
  local status=0 log nonces
  log=$(attempt_file "$1").log
  empty_run
  mend_account
  # Its names in a list of their own: with --domain, a CA that refuses early has dehydrated delete the configured list.
  printf '%s\n' "${names_of[$1]}" >"$run/domains.txt"
  VEZA_RENEWAL=$1 TMPDIR=$run timeout --kill-after=5 "$TIMEOUT" \
    dehydrated --cron --no-lock --force --accept-terms --domains-txt "$run/domains.txt" --out "$run/certificates" \
    >"$log" 2>&1 </dev/null || status=$?
  case $status in
    0)
      [ -f "$run/deployed" ] || {
        keep_reason "dehydrated ended well, but brought no certificate: $(tail -n 5 "$log")"
        return 1
      }
      ;;
    124 | 137)
      nonces=$(grep -c badNonce "$log") || :
      rm -f "$run/reason"
      keep_reason "there was no certificate after $TIMEOUT s$([ "$nonces" -eq 0 ] || echo " ($nonces of its answers were badNonce)"); it was given up. Where it stood: $(tail -n 1 "$log")"
      return 1
      ;;
    *)
      keep_reason "dehydrated failed (exit status $status): $(tail -n 5 "$log")"
      return 1
      ;;
  esac
}

## The account at the CA

account_directory() { printf '%s/accounts/%s' "$VOLUME" "$(base64 -w 0 <<<"$DIRECTORY" | tr '+/' '-_' | tr -d =)"; }

set_aside_account() { # WHY
  local account
  account=$(account_directory)
  [ -d "$account" ] || return 0
  # Only the last one stays: each is a private key more.
  rm -rf "$account".unknown-*
  mv -T "$account" "$account.unknown-$EPOCHSECONDS"
  echo "the account at $DIRECTORY is set aside, because $1; it is registered anew"
}

# dehydrated writes its account in several steps; one that was cut off it would not touch again.
mend_account() {
  local account
  account=$(account_directory)
  [ -d "$account" ] || return 0
  find "$account" -maxdepth 1 -name '*.json' -empty -delete
  [ ! -e "$account/account_key.pem" ] || openssl pkey -in "$account/account_key.pem" -noout 2>/dev/null ||
    set_aside_account 'its key is not whole'
}

register_again() {
  [ -z "$registered_again" ] || return 1
  registered_again=yes
  set_aside_account 'the CA does not know it'
}

remember_contact() { printf '%s\n' "$CONTACT" >"$(account_directory)/contact"; }

# An address of yesterday is no reason to let a certificate expire: this warns only.
update_contact() {
  local account
  account=$(account_directory)
  [ -f "$account/contact" ] && [ "$(<"$account/contact")" != "$CONTACT" ] || return 0
  empty_run
  if TMPDIR=$run timeout --kill-after=5 "$TIMEOUT" dehydrated --account --no-lock >"$VOLUME/attempts/account.log" 2>&1 </dev/null; then
    remember_contact
    echo "the CA writes to $CONTACT now"
  else
    echo "the CA did not take $CONTACT as contact; it is told again next time. See $VOLUME/attempts/account.log" >&2
  fi
}

## What came of it

# An attempt that failed when the certificate was to be installed is over once it is.
settle() {
  local primary
  for primary in "${primaries[@]}"; do
    [ -z "${tried[$primary]-}${refused[$primary]-}" ] || continue
    read_attempt "$primary"
    if [ "${attempt[result]}" = failed ] && [ -z "$(due "$primary")" ]; then attempt_succeeded "$primary" || :; fi
  done
}

report_failures() {
  local failure
  [ "${#failures[@]}" -gt 0 ] || [ -n "$not_installed" ] || return 0
  {
    [ "${#failures[@]}" -eq 0 ] || {
      echo "${#failures[@]} of ${#primaries[@]} certificates could not be renewed:"
      printf '  %s\n' "${failures[@]}"
    }
    [ -z "$not_installed" ] || echo "what HAProxy has is not what it should have; the reason is above."
    echo "State now: certificates that were in service still are; a name that never had one answers over HTTP, and over HTTPS with a placeholder."
    echo "Next: correct what is named above and run bin/pulumi up or bin/veza certs renew again; the timer does so, too. What the client said last lies in $(attempt_file NAME).log"
  } >&2
  # systemd writes it to the journal itself.
  if [ -z "${JOURNAL_STREAM-}" ]; then
    for failure in "${failures[@]}"; do logger -t veza-certificates -p daemon.err -- "$failure" || :; done
  fi
  return 1
}
