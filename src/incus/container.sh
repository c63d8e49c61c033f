# shellcheck shell=bash
# One Incus container: made when it is not there, brought to its definition when it is. Goes with about-container.sh.
# Parameters: PROJECT, CONTAINER, GENERATION (a name for everything whose change means a new container),
# IMAGE (alias), DEFINITION (JSON: config and devices, as Incus' instance API takes them).
: "${GENERATION:?}" "${IMAGE:?}" "${DEFINITION:?}"

digest=$(printf '%s' "$GENERATION$DEFINITION" | sha256sum | cut -c1-32)

generation() { incus_ config get "$CONTAINER" user.veza.generation; }
remember() { incus_ config set "$CONTAINER" "user.veza.unit.container=$1"; }

make() {
  local answer
  timeout 30 incus image info "$IMAGE" --project default </dev/null >/dev/null 2>&1 ||
    fail "image $IMAGE is not on this host. Nothing was changed. This builds it: bin/pulumi up --replace '**-image-**'"
  answer=$(timeout 300 incus query --wait -X POST "/1.0/instances?project=$PROJECT" -d "{
    \"name\": \"$CONTAINER\", \"type\": \"container\", \"profiles\": [], \"start\": true,
    \"source\": {\"type\": \"image\", \"alias\": \"$IMAGE\", \"project\": \"default\"},
    ${DEFINITION#\{}" </dev/null 2>&1) || {
    # It was not there before. Half made is worse than not there: the next run starts from nothing.
    if [ "$(generation 2>/dev/null)" = "$GENERATION" ]; then incus_ delete --force "$CONTAINER" >/dev/null 2>&1 || :; fi
    case $answer in
      *'already used on network'*)
        fail "another Incus project on this host has a container of this name on the same bridge, and a bridge has one name space. Nothing was changed. Give one of the two stacks a bridge of its own (veza-edge:network). Incus said: $answer"
        ;;
    esac
    fail "Incus could not make this container: $answer"
  }
  bring_notes || {
    incus_ delete --force "$CONTAINER" >/dev/null 2>&1 || :
    fail "what an operator has told the other containers (bin/veza maintenance) could not be told to this one, for the reason above, so it was not made"
  }
}

# What an operator has told every container of the project holds for one that is new, too: files of /var/lib/veza/notes,
# kept in the project's configuration as user.veza.note.NAME.
bring_notes() {
  local names name
  names=$(timeout 30 incus project show "$PROJECT" </dev/null | sed -n 's/^  user\.veza\.note\.\([a-z.-]*\):.*/\1/p') || return 1
  for name in $names; do
    # shellcheck disable=SC2016
    timeout 30 incus project get "$PROJECT" "user.veza.note.$name" </dev/null |
      timeout 60 incus exec "$CONTAINER" --project "$PROJECT" --mode=non-interactive -- \
        sh -c 'umask 022; mkdir -p /var/lib/veza/notes && cat >"/var/lib/veza/notes/$1"' sh "$name" || return 1
  done
}

# Limits, published ports and volumes change while it runs; what needs a new container changes GENERATION.
update() {
  local device answer
  remember "pending $digest"
  answer=$(timeout 120 incus query --wait -X PATCH "/1.0/instances/$CONTAINER?project=$PROJECT" -d "$DEFINITION" </dev/null 2>&1) ||
    fail "Incus refused the new definition: $answer. The container goes on as it was"
  # Last, so that a refused definition takes nothing away.
  while IFS= read -r device; do
    case $DEFINITION in *"\"$device\": {"*) ;; *) incus_ config device remove "$CONTAINER" "$device" >/dev/null ;; esac
  done < <(incus_ config device list "$CONTAINER")
}

apply() {
  look
  if [ -z "$state" ]; then
    make
    wait_for_init
  else
    case $(generation) in
      "$GENERATION")
        update
        # Who stopped it had a reason; what is to be applied inside will say that it cannot be.
        if [ "$state" = RUNNING ]; then wait_for_init; else printf 'it is %s and was left so\n' "$state"; fi
        ;;
      '') fail "a container of this name is there and was not made by this stack. Nothing was changed. Rename or remove it" ;;
      *)
        delete_container
        make
        wait_for_init
        ;;
    esac
  fi
  remember "$digest"
}

remove() {
  look
  # A container made again since belongs to its new resource.
  if [ -z "$state" ] || [ "$(generation)" != "$GENERATION" ]; then return 0; fi
  if [ "$state" = RUNNING ]; then
    # What lives in it may have something to say first; then its services end as at any shutdown.
    timeout 40 incus exec "$CONTAINER" --project "$PROJECT" --mode=non-interactive -- \
      sh -c '[ ! -x /usr/local/lib/veza/leave ] || timeout 30 /usr/local/lib/veza/leave' </dev/null >/dev/null 2>&1 || :
    timeout 100 incus stop "$CONTAINER" --timeout 90 --project "$PROJECT" </dev/null >/dev/null 2>&1 || :
  fi
  delete_container
}

main() { # apply | delete
  hold_lock
  case $1 in
    apply) apply 9>&- ;;
    delete) remove 9>&- ;;
  esac
}
