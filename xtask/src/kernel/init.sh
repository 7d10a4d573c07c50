#!/bin/busybox sh
# The first process of a guest: mounts, modules, the command, its status, the end.
# ttyS0 has the kernel's log, ttyS1 what the command prints, ttyS2 its errors and ours,
# ttyS3 what the host is told. Two ports that share an interrupt (0 and 2, 1 and 3) are
# never both written to through it: the log is polled, and the status comes last.

b=/bin/busybox
$b mount -t proc proc /proc
$b --install -s /bin
export PATH=/usr/bin:/bin HOME=/root

mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts pts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs tmp /tmp
mount -t tmpfs run /run
mount -t sysfs sys /sys
mount -t cgroup2 cgroup /sys/fs/cgroup
mount -t bpf bpf /sys/fs/bpf
mount -t tracefs tracefs /sys/kernel/tracing
mount -t debugfs debugfs /sys/kernel/debug
mount -t securityfs security /sys/kernel/security

for port in 1 2 3; do
    stty -F /dev/ttyS$port raw -echo
done
exec 2>/dev/ttyS2

while read -r module; do
    insmod "/modules/$module" || echo "guest: module $module does not load" >&2
done </modules/order

hostname guest
ip link set lo up

read -r booted _ </proc/uptime
/bin/sh /command </dev/null >/dev/ttyS1
echo "status $? booted $booted" >/dev/ttyS3
poweroff -f
