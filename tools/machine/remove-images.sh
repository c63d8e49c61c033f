# shellcheck shell=bash
# Removes the images that stacks built on this machine: those whose alias begins with veza/. Safe to run again.
# An image that a container was made from can go: the container keeps its own copy. Prints one line per image.

main() {
  local alias
  while IFS= read -r alias; do
    [ -n "$alias" ] || continue
    timeout 60 incus image delete --project default "$alias" >/dev/null
    echo "removed image $alias"
  done < <(incus image alias list --project default --format csv | cut -d, -f1 | grep '^veza/' || :)
}
