# shellcheck shell=bash
# Removes Incus projects with everything in them, whatever state that is in. Safe to run again.
# PROJECTS: names separated by spaces; names that do not exist are fine. Prints one line per project removed.
: "${PROJECTS?}"

# Incus refuses while something else still stops or deletes it; it may be gone then.
remove_instance() { # PROJECT INSTANCE
  local try
  for try in 1 2 3 4 5; do
    if timeout 60 incus delete --force --project "$1" "$2" >/dev/null; then return 0; fi
    [ -n "$(incus list "^$2\$" --project "$1" --format csv --columns n)" ] || return 0
    sleep "$try"
  done
  return 1
}

remove_project() {
  local project=$1 instance image profile pool volume
  incus project show "$project" >/dev/null 2>&1 || return 0
  while IFS= read -r instance; do
    [ -n "$instance" ] || continue
    remove_instance "$project" "$instance"
  done < <(incus list --project "$project" --format csv --columns n)
  while IFS= read -r pool; do
    while IFS= read -r volume; do
      [ -n "$volume" ] || continue
      timeout 60 incus storage volume delete --project "$project" "$pool" "$volume" >/dev/null
    done < <(incus storage volume list "$pool" --project "$project" --format csv --columns tn | awk -F, '$1 == "custom" { print $2 }')
  done < <(incus storage list --format csv --columns n)
  # A project that shares the images or profiles of the default one has none of its own to remove.
  if [ "$(incus project get "$project" features.images)" = true ]; then
    while IFS= read -r image; do
      [ -n "$image" ] || continue
      incus image delete --project "$project" "$image" >/dev/null
    done < <(incus image list --project "$project" --format csv --columns f)
  fi
  if [ "$(incus project get "$project" features.profiles)" = true ]; then
    while IFS= read -r profile; do
      if [ -z "$profile" ] || [ "$profile" = default ]; then continue; fi
      incus profile delete --project "$project" "$profile" >/dev/null
    done < <(incus profile list --project "$project" --format csv --columns n)
  fi
  incus project delete "$project" >/dev/null
  echo "removed Incus project $project"
}

main() {
  local project
  for project in $PROJECTS; do remove_project "$project"; done
}
