# shellcheck shell=bash
# Runs inside a node: prints what it says of itself.

main() { timeout 8 /usr/local/lib/veza/postgres status; }
