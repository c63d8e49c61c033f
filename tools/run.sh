#!/bin/sh
# First step of every npm script: sh tools/run.sh VERB ARGUMENTS…
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
case ${1-} in test | bench | format) packages=all ;; *) packages=run ;; esac
# shellcheck source-path=SCRIPTDIR source=bootstrap.sh
. "$root/tools/bootstrap.sh"
PATH=$(dirname "$node"):$PATH
export PATH
exec "$node" "$root/tools/main.ts" "$@"
