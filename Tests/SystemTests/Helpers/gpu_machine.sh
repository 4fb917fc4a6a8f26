#!/bin/sh
# Becomes a command where the folder LIBRARIES is /usr/local/cuda/lib64: gpu_machine.sh LIBRARIES COMMAND...
# To be started in a mount namespace of its own. Process 1 is in another one, so what /proc says of it is replaced: its
# root is to be this one.
set -e
libraries=$1
shift
# On a tmpfs: an overlay's upper folder may not be on another overlay.
mount -t tmpfs none /mnt
mkdir -p /mnt/upper/cuda /mnt/work /mnt/process
ln -s "$libraries" /mnt/upper/cuda/lib64
mount -t overlay -o lowerdir=/usr/local,upperdir=/mnt/upper,workdir=/mnt/work none /usr/local
ln -s / /mnt/process/root
ln -s /proc/self/ns /mnt/process/ns
mount --bind /mnt/process /proc/1
exec "$@"
