#!/bin/sh
# The language host that Go modules offer is older than the CLI and does not know the option
# `typescript: false` of Pulumi.yaml; it has a flag for it. Node strips the types itself.
exec "${0%/*}/nodejs-host" -typescript=false "$@"
