#!/bin/sh
# Runs a command on what looks like an instance of a cloud: cloud_machine.sh FIRMWARE COMMAND...
# To be started in mount and pid namespaces of its own. FIRMWARE is a folder that stands for /sys/class/dmi/id.
set -e
firmware=$1
shift
mount -t tmpfs none /sys/class
mkdir -p /sys/class/dmi
cp -r "$firmware" /sys/class/dmi/id
"$@" &
trap 'kill -TERM $!' TERM INT
# A signal ends the first wait.
wait $! || true
wait $!
