# shellcheck shell=bash disable=SC2153,SC2154
# (settings, facts and roles are other libraries')
# What the running Postgres has otherwise than its files and an update's work say: settings, and on a primary roles,
# databases and passwords. Lines KIND|NAME|TEXT, then `end`; changes nothing.

differing() {
  if [ -n "${fact[postmaster]}" ]; then
    superuser -f "$libraries/other-settings.sql"
    case ${fact[role]} in
      primary) roles_differing ;;
      standby) peer_refuses ;;
    esac
  fi
  echo end
}

roles_differing() {
  local told
  told=$({ other_roles 'kind, subject, words'; echo ';'; } | superuser)
  [ -z "$told" ] || printf '%s\n' "$told"
  passwords_differing "$told"
}

# Each login tries the password that it was given, in a database of its owner.
passwords_differing() { # WHAT WAS TOLD OF ROLES
  local database owner role password said owners=' '
  for database in $DATABASES; do
    owner=${database#*:}
    [[ $owners != *" $owner "* ]] || continue
    owners+="$owner "
    for role in "${owner}_a" "${owner}_b"; do
      password=$(password_of "$role")
      if [ -z "$password" ] || [[ $1 == *"role|$role|there is no"* ]]; then continue; fi
      said=$(PGPASSWORD=$password timeout --kill-after=1 5 psql -XAtq -h /run/postgresql -p "$POSTGRES_PORT" -U "$role" \
        -d "${database%%:*}" -c 'select 1' 2>&1) || true
      [[ $said != *'password authentication failed'* ]] || printf 'role|%s|its password is not the one that was applied\n' "$role"
    done
  done
}

# The primary lets nobody in as `replicator` but this node, so this one tries.
peer_refuses() {
  local said
  said=$(at_peer -c 'select 1' 2>&1) || true
  [[ $said != *'password authentication failed'* ]] || printf 'refused|replicator|\n'
}
