"""A FUSE file system that answers until it is told to be silent, and then never again.

usage: silent_fuse.py DIRECTORY SOURCE FLAG [own]
Mounts itself at DIRECTORY, and the folder SOURCE at DIRECTORY/volume. Falls silent once the file FLAG exists. `own`: in a mount
namespace of its own. Prints "ready" when all is mounted. The mounts end when the process does (FUSE's) or with the namespace.
The protocol is that of include/uapi/linux/fuse.h, version 7.31.
"""
import ctypes
import errno
import os
import select
import struct
import sys
import threading

directory, source, flag = sys.argv[1:4]
libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result != 0:
        code = ctypes.get_errno()
        sys.exit(f"{what}: {os.strerror(code)}")


if "own" in sys.argv[4:]:
    check(libc.unshare(0x20000), "unshare")
    check(libc.mount(None, b"/", None, 0x44000, None), "making mounts private")

device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()


def attributes(node):
    # ino, size, blocks, three times, three parts of times, mode, nlink, uid, gid, rdev, blksize, flags
    return struct.pack("<6Q10I", node, 0, 0, 0, 0, 0, 0, 0, 0, 0o40755, 2, 0, 0, 0, 4096, 0)


def answer(opcode, node):
    """The body of an answer, or an error number. Nothing stays valid, so that every look at a path asks again."""
    if opcode == 26:  # INIT
        return struct.pack("<4IHHIIHH8I", 7, 31, 131072, 0, 16, 12, 131072, 1, 0, 0, *[0] * 8)
    if opcode == 1:  # LOOKUP
        return struct.pack("<4Q2I", 2, 0, 0, 0, 0, 0) + attributes(2)
    if opcode == 3:  # GETATTR
        return struct.pack("<QII", 0, 0, 0) + attributes(node)
    if opcode == 17:  # STATFS
        return struct.pack("<5Q4I24x", 1000, 500, 400, 10, 10, 4096, 255, 4096, 0)
    return errno.ENOSYS


def serve():
    poll = select.poll()
    poll.register(device, select.POLLIN)
    while not os.path.exists(flag):
        if not poll.poll(50) or os.path.exists(flag):
            continue
        try:
            request = os.read(device, 1 << 18)
        except OSError:
            return
        _, opcode, unique, node = struct.unpack_from("<IIQQ", request)
        if opcode in (2, 42):  # FORGET, BATCH_FORGET: nobody waits
            continue
        body = answer(opcode, node)
        failed = isinstance(body, int)
        data = b"" if failed else body
        os.write(device, struct.pack("<IiQ", 16 + len(data), -body if failed else 0, unique) + data)


check(libc.mount(b"silent", directory.encode(), b"fuse.silent", 6, options), "mounting FUSE")
threading.Thread(target=serve, daemon=True).start()
check(libc.mount(source.encode(), (directory + "/volume").encode(), None, 0x1000, None), "mounting the volume")
print("ready", flush=True)
threading.Event().wait()
