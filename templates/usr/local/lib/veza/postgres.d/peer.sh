# shellcheck shell=bash disable=SC2153,SC2154
# (settings and facts are other libraries')
# What the other node says. `ask_peer` sets `peer`: reachable (true or false), and as its own facts: node, role, state,
# data, timeline, system, promoting.

declare -A peer=()

ask_peer() {
  local name value answer
  peer=([reachable]=false)
  answer=$(curl -sf --connect-timeout 1 --max-time 4 "http://$PEER_ADDRESS:$HEALTH_PORT/peer" 2>/dev/null) || return 0
  while IFS='=' read -r name value; do
    case $name in node | role | state | data | timeline | system | promoting) peer[$name]=$value ;; esac
  done <<<"$answer"
  if [ "${peer[node]-}" = "$PEER" ]; then peer[reachable]=true; else peer=([reachable]=false); fi
  learn_timeline
}

# Once known, it is never forgotten: an old primary stays one when the new one is out of reach.
learn_timeline() {
  local system='' timeline=0
  [ "$EUID" = 0 ] && [ "${peer[reachable]}" = true ] && [ -n "${peer[timeline]}" ] || return 0
  [ -n "${fact[timeline]}" ] || [ "${fact[data]}" = none ] || offline_facts
  [ "${peer[system]}" = "${fact[system]}" ] && [ "${peer[timeline]}" -gt "${fact[timeline]:-0}" ] || return 0
  if [ -f "$newest_file" ]; then read -r system timeline <"$newest_file"; fi
  if [ "$system" = "${peer[system]}" ] && [ "$timeline" -ge "${peer[timeline]}" ]; then return 0; fi
  remember "$newest_file" "${peer[system]} ${peer[timeline]}"
}

# What the watch has last heard, for those who cannot wait for an answer.
write_peer_note() {
  local new=$peer_file.new.$BASHPID
  mkdir -p "$run"
  peer_note_lines >"$new"
  mv -f "$new" "$peer_file"
}
peer_note_lines() {
  local name
  printf 'heard=%s\n' "$EPOCHSECONDS"
  for name in "${!peer[@]}"; do printf '%s=%s\n' "$name" "${peer[$name]}"; done
}

read_peer_note() {
  local name value
  peer=([reachable]=false [heard]=0)
  [ -f "$peer_file" ] || return 0
  while IFS='=' read -r name value; do peer[$name]=$value; done <"$peer_file"
  # Nobody has listened lately.
  [ "$((EPOCHSECONDS - peer[heard]))" -le 15 ] || peer=([reachable]=false)
}

# True when the peer's word is enough for this primary to take writes: it is none, will be none, and knows of no newer
# timeline. Otherwise sets `doubt`.
peer_vouches() {
  doubt=
  if [ "${peer[reachable]}" != true ]; then
    doubt="$PEER does not answer"
  elif [ "${peer[data]}" = none ]; then
    doubt="$PEER has no data, so it cannot know"
  elif [ "${peer[system]}" != "${fact[system]}" ]; then
    doubt="$PEER has another cluster's data (system ${peer[system]}, here ${fact[system]})"
  elif [ "${peer[promoting]}" = yes ]; then
    doubt="$PEER is being promoted"
  elif [ "${peer[timeline]:-0}" -gt "${fact[timeline]}" ]; then
    doubt="$PEER has the newer timeline ${peer[timeline]} (here ${fact[timeline]})"
  elif [ "${peer[state]}" = primary ]; then
    doubt="$PEER takes writes"
  elif [ "${peer[data]}" = primary ] && [ "${peer[timeline]:-0}" -eq "${fact[timeline]}" ]; then
    doubt="$PEER is a primary of the same timeline"
  fi
  [ -z "$doubt" ]
}
