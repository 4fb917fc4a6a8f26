"""A cable with a delay between two network namespaces.

usage: wire.py MILLISECONDS NAMESPACE DEVICE NAMESPACE DEVICE

Makes a TUN device in each namespace (given as a path) and carries packets from one to the other, each so much later.
Prints "ready" once both devices are there, and runs until it is killed.
"""
import ctypes, fcntl, heapq, os, select, struct, sys, time

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
libc = ctypes.CDLL(None, use_errno=True)


def device(namespace, name):
    target = os.open(namespace, os.O_RDONLY)
    if libc.setns(target, 0x40000000) != 0:
        raise OSError(ctypes.get_errno(), "setns " + namespace)
    os.close(target)
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH14x", name.encode(), IFF_TUN | IFF_NO_PI))
    return tun


delay = float(sys.argv[1]) / 1000
ends = [device(sys.argv[2], sys.argv[3]), device(sys.argv[4], sys.argv[5])]
print("ready", flush=True)
waiting = []
number = 0
while True:
    pause = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
    for end in select.select(ends, [], [], pause)[0]:
        packet = os.read(end, 65536)
        number += 1
        heapq.heappush(waiting, (time.monotonic() + delay, number, ends[1] if end == ends[0] else ends[0], packet))
    while waiting and waiting[0][0] <= time.monotonic():
        _, _, end, packet = heapq.heappop(waiting)
        try:
            os.write(end, packet)
        except OSError:
            pass  # the other device is not up yet
