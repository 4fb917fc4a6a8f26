#!/usr/bin/env python3
"""A container runtime's socket that misbehaves: faulty_socket.py PATH hang|reset|garbage. Prints "ready"."""
import os
import socket
import struct
import sys

path, how = sys.argv[1:]
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen(64)
print("ready", flush=True)
kept = []
while True:
    peer, _ = listener.accept()
    if how == "hang":
        kept.append(peer)
    elif how == "reset":
        # Closing with unread data resets the peer.
        peer.close()
    else:
        try:
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n" + os.urandom(65536))
            peer.close()
        except OSError:
            pass
