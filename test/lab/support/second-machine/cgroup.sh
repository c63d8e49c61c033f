#!/bin/bash
# Runs inside the second machine before its Incus starts. On hosts that still have cgroup v1, systemd in a container
# mounts neither `cpu` nor `cpuacct`, and Incus starts no container without them. Does nothing with cgroup v2.
set -euo pipefail

root=/sys/fs/cgroup
[ ! -e "$root/cgroup.controllers" ] || exit 0
mount -o remount,rw "$root"
for controller in cpu cpuacct; do
  mountpoint -q "$root/$controller" && continue
  rm -f "$root/$controller"
  mkdir -p "$root/$controller"
  mount -t cgroup -o "$controller" cgroup "$root/$controller"
done
mount -o remount,ro "$root"
