# shellcheck shell=bash
# One Incus container: made when it is not there, brought to its definition when it is.
# Parameters: PROJECT, CONTAINER, GENERATION (a name for everything whose change means a new container),
# IMAGE (alias), DEFINITION (JSON: config and devices, as Incus' instance API takes them).
: "${PROJECT:?}" "${CONTAINER:?}" "${GENERATION:?}" "${IMAGE:?}" "${DEFINITION:?}"

fail() { printf '%s: %s\n' "$PROJECT/$CONTAINER" "$1" >&2; exit 1; }
incus_() { timeout 60 incus "$@" --project "$PROJECT" </dev/null; }

exists() { incus_ config show "$CONTAINER" >/dev/null 2>&1; }
own_generation() { incus_ config get "$CONTAINER" user.veza.generation; }

make() {
  local answer
  timeout 30 incus image info "$IMAGE" --project default </dev/null >/dev/null 2>&1 ||
    fail "image $IMAGE is not on this host. Nothing was changed. bin/pulumi up builds it when its images: entry has a new revision"
  answer=$(timeout 300 incus query --wait -X POST "/1.0/instances?project=$PROJECT" -d "{
    \"name\": \"$CONTAINER\", \"type\": \"container\", \"profiles\": [], \"start\": true,
    \"source\": {\"type\": \"image\", \"alias\": \"$IMAGE\", \"project\": \"default\"},
    ${DEFINITION#\{}" </dev/null 2>&1) || {
    # Half made is worse than not there: the next run starts from nothing.
    incus_ delete --force "$CONTAINER" >/dev/null 2>&1 || :
    case $answer in
      *'already used on network'*)
        fail "another Incus project on this host has a container of this name on the same bridge, and a bridge has one name space. Nothing was changed. Give one of the two stacks a bridge of its own (veza-edge:network). Incus said: $answer"
        ;;
    esac
    fail "Incus could not make this container: $answer"
  }
}

# Limits, published ports and volumes change while it runs; what needs a new container changes GENERATION.
update() {
  local device answer
  while IFS= read -r device; do
    case $DEFINITION in *"\"$device\": {"*) ;; *) incus_ config device remove "$CONTAINER" "$device" >/dev/null ;; esac
  done < <(incus_ config device list "$CONTAINER")
  answer=$(timeout 120 incus query --wait -X PATCH "/1.0/instances/$CONTAINER?project=$PROJECT" -d "$DEFINITION" </dev/null 2>&1) ||
    fail "Incus refused the new definition: $answer. The container goes on as it was"
}

wait_for_init() {
  local deadline=$((SECONDS + 90))
  # shellcheck disable=SC2016
  until timeout 20 incus exec "$CONTAINER" --project "$PROJECT" --mode=non-interactive -- \
    sh -c 'case $(systemctl is-system-running) in running|degraded) ;; *) exit 1 ;; esac; ip -4 -o address show dev eth0 | grep -q inet' </dev/null >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] ||
      fail "its init did not finish booting within 90 s. It was left running for a look: incus exec $CONTAINER --project $PROJECT -- journalctl -b. (Hosts with many containers run out of fs.inotify.max_user_instances: 1024 or more is right)"
    sleep 0.2
  done
}

apply() {
  if exists; then
    case $(own_generation) in
      "$GENERATION") update ;;
      '') fail "a container of this name is there and was not made by this stack. Nothing was changed. Rename or remove it" ;;
      *)
        incus_ delete --force "$CONTAINER"
        make
        ;;
    esac
  else
    make
  fi
  wait_for_init
  incus_ config set "$CONTAINER" "user.veza.unit.container=$(printf '%s' "$GENERATION$DEFINITION" | sha256sum | cut -c1-32)"
}

main() { # apply | delete
  local lock=/run/lock/veza/$PROJECT
  mkdir -p "$lock"
  exec 9>"$lock/$CONTAINER.lock"
  flock -w 120 9 || fail "another change to this container has been going on for 120 s. Nothing was changed; try again when it has ended"
  case $1 in
    apply) apply 9>&- ;;
    delete)
      # A container made again since belongs to its new resource.
      if exists && [ "$(own_generation)" = "$GENERATION" ]; then
        # What lives in it may have something to say first; then its services end as at any shutdown.
        timeout 40 incus exec "$CONTAINER" --project "$PROJECT" --mode=non-interactive -- \
          sh -c '[ ! -x /usr/local/lib/veza/leave ] || timeout 30 /usr/local/lib/veza/leave' </dev/null >/dev/null 2>&1 || :
        timeout 100 incus stop "$CONTAINER" --timeout 90 --project "$PROJECT" </dev/null >/dev/null 2>&1 || :
        incus_ delete --force "$CONTAINER"
      fi
      ;;
  esac
}
