#!/bin/bash
# Becomes systemd as process 1 of fresh namespaces: run by `unshare --fork --pid --mount --uts --ipc --net`.
# usage: systemd.sh TREE FOLDER
#
# TREE is a Debian tree and stays as it is; what systemd writes goes to a tmpfs that ends with the namespace. FOLDER has
# `root` (empty), `run` (empty; becomes /run, so that its sockets are seen from outside) and `units` (unit files; all
# services and timers in it belong to multi-user.target).
#
# There is no cgroup namespace and cgroup2 is the machine's own hierarchy: units get their true paths at its root.
set -euo pipefail
tree=$1
folder=$2
root=$folder/root

mount --make-rprivate /
mount -t tmpfs layer "$root"
mkdir "$root/upper" "$root/work" "$root/merged"
mount -t overlay -o "lowerdir=$tree,upperdir=$root/upper,workdir=$root/work" overlay "$root/merged"
root=$root/merged
mount -t proc proc "$root/proc"
# A guest must not set the machine's kernel parameters.
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount --bind "$folder/run" "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"

units=$root/etc/systemd/system
shopt -s nullglob
for unit in "$folder"/units/*; do cp "$unit" "$units"; done
mkdir -p "$units/multi-user.target.wants"
for unit in "$folder"/units/*.service "$folder"/units/*.timer "$folder"/units/*.socket; do
    # Units named late are started by the test.
    [[ $unit == */late-* ]] || ln -s "../$(basename "$unit")" "$units/multi-user.target.wants/"
done
for unit in sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount dev-hugepages.mount \
    dev-mqueue.mount getty.target; do
    ln -sf /dev/null "$units/$unit"
done
exec chroot "$root" env -i container=martlet PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --log-target=console --log-level=notice --unit=multi-user.target
