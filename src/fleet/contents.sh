# shellcheck shell=bash
# What a release that was unpacked consists of: written down when it is unpacked, and compared later. Goes with release.sh,
# and with what looks for drift.

# A line or two for each thing in a directory, in an order that does not change: its path, a tab, and what it is; of a
# file also its SHA-256.
contents_of() { # DIRECTORY
  (
    cd "$1" || exit
    {
      find . -mindepth 1 \( -type f -printf '%P\tfile %m %u:%g\n' -o -type d -printf '%P\tdirectory %m %u:%g\n' \
        -o -type l -printf '%P\tlink to %l\n' -o -printf '%P\tno file (%y)\n' \)
      find . -type f -print0 | xargs -0 -r sha256sum -- | sed -E 's/^\\?([0-9a-f]{64})  \.\/(.*)$/\2\tcontent \1/'
    } | LC_ALL=C sort
  )
}
