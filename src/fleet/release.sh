# shellcheck shell=bash disable=SC2154
# (what is not assigned here is rollout.sh's)
# The releases of an instance: $home/releases/<first 12 digits of the artifact's SHA-256>, complete when they are there.
# What was unpacked has a list of its contents beside it. Goes with contents.sh.

blob=/var/lib/veza/artifacts/$ARTIFACT_SHA256

is_archive() { case $ARTIFACT_NAME in *.tar.gz | *.tgz) return 0 ;; *) return 1 ;; esac }
# One that was edited in place is none.
has_release() {
  if is_archive; then is_unpacked; else is_artifact "$home/$wanted/$ARTIFACT_NAME"; fi
}

is_unpacked() {
  [ -d "$home/$wanted" ] && [ -f "$home/$wanted.contents" ] &&
    contents_of "$home/$wanted" | cmp -s - "$home/$wanted.contents"
}

is_artifact() { [ -f "$1" ] && [ "$(sha256sum <"$1")" = "$ARTIFACT_SHA256  -" ]; } # FILE

obtain_release() {
  local actual unchanged='Nothing was changed'
  if has_release; then return; fi
  mkdir -p "$home/releases" "${blob%/*}"
  case $ARTIFACT_SOURCE in http://* | https://*) download ;; esac
  [ -f "$blob" ] || fail "$INSTANCE: the artifact is not in the container ($blob). $unchanged"
  actual=$(sha256sum <"$blob")
  actual=${actual%% *}
  if [ "$actual" != "$ARTIFACT_SHA256" ]; then
    rm -f "$blob"
    fail "$INSTANCE: the artifact $ARTIFACT_SOURCE has the wrong checksum.
  expected $ARTIFACT_SHA256
  found    $actual
$unchanged. Correct the artifact or its sha256 and run up again"
  fi
  if is_archive; then unpack; else install_file; fi ||
    fail "$INSTANCE: no release could be made of the artifact $ARTIFACT_NAME (the reason is above). $unchanged"
  case $ARTIFACT_SOURCE in http://* | https://*) rm -f "$blob" ;; esac
}

download() {
  [ ! -f "$blob" ] || return 0
  # curl's own limit counts for each of its attempts.
  timeout "$DOWNLOAD_SECONDS" curl -fsSL --proto '=http,https' --connect-timeout 10 --retry 2 \
    -o "$blob.incoming" "$ARTIFACT_SOURCE" ||
    fail "$INSTANCE: the artifact could not be downloaded from $ARTIFACT_SOURCE within $DOWNLOAD_SECONDS s (the reason is above). $unchanged"
  mv -f "$blob.incoming" "$blob"
}

# A release has its name only when it is complete. One of that name that was edited may be running: it is replaced whole.
unpack() {
  local incoming=$home/releases/.incoming edited=$home/releases/.edited list=$home/$wanted.contents
  rm -rf "$incoming" "$edited" && mkdir "$incoming" &&
    tar -xzf "$blob" -C "$incoming" --no-same-owner --no-same-permissions &&
    chmod -R a+rX,go-w "$incoming" && contents_of "$incoming" >"$list.new" && sync -f "$incoming" &&
    if [ -e "$home/$wanted" ]; then mv -T "$home/$wanted" "$edited"; fi &&
    mv -f "$list.new" "$list" && mv -T "$incoming" "$home/$wanted" && rm -rf "$edited"
}

install_file() {
  local incoming=$home/$wanted/.incoming
  mkdir -p "$home/$wanted" && install -m 0755 "$blob" "$incoming" && sync "$incoming" &&
    mv -fT "$incoming" "$home/$wanted/$ARTIFACT_NAME"
}

# The running release counts as the newest, so it is never among those removed.
prune() {
  local path kept=0
  touch "$home/$wanted"
  while IFS= read -r path; do
    kept=$((kept + 1))
    [ "$kept" -gt "$KEEP_RELEASES" ] || continue
    rm -rf "${home:?}/releases/${path:?}" "${home:?}/releases/${path:?}.contents"
    rm -f "/var/lib/veza/artifacts/$path"*
  done < <(cd "$home/releases" && find . -mindepth 1 -maxdepth 1 -type d ! -name '.*' -printf '%T@ %P\n' | sort -rn | cut -d' ' -f2)
}
