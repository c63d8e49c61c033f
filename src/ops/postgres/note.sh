# shellcheck shell=bash
# Writes down what is begun, or with an empty NEXT that it has ended. Goes with step.sh. Parameters: NEXT.
: "${NEXT?}"

main() {
  alone
  expected
  if [ -n "$NEXT" ]; then
    timeout 30 incus project set "$PROJECT" "user.veza.flip=$NEXT" </dev/null
  else
    timeout 30 incus project unset "$PROJECT" user.veza.flip </dev/null
  fi
}
