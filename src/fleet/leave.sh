#!/bin/sh
# Run before this container is taken away. Load balancers ask the agent every second; after three, none gives this
# instance new requests, and clients bound to it have moved. What is under way ends at the shutdown that follows.
set -eu
printf '0%%\n' >/run/veza/.agent
mv -f /run/veza/.agent /run/veza/agent
sleep 3
