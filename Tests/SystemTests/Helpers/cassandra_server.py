#!/usr/bin/env python3
"""A Cassandra server that knows enough for a driver, versions 3 to 5. usage: cassandra_server.py PORT
Prints, for every statement that it was asked to run, ok or failed: it fails if its text, or that of its preparation, has the
word "missing" in it. Written by Cassandra's doc/native_protocol_v3.spec to _v5.spec."""
import socket
import struct
import sys
import threading
import zlib

LOCK = threading.Lock()
STARTUP, OPTIONS, QUERY, PREPARE, EXECUTE, REGISTER, BATCH = 1, 5, 7, 9, 10, 11, 13
ERROR, READY, SUPPORTED, RESULT = 0, 2, 6, 8


def say(what):
    with LOCK:
        print(what, flush=True)


def string(text):
    return struct.pack(">H", len(text)) + text.encode()


def crc24(data):
    value = 0x875060
    for byte in data:
        value ^= byte << 16
        for _ in range(8):
            value = value << 1
            if value & 0x1000000:
                value ^= 0x1974F0B
    return value


def segment(payload):
    """A frame of version 5, without compression, with one or more whole envelopes."""
    header = (len(payload) | 1 << 17).to_bytes(3, "little")
    check = zlib.crc32(payload, zlib.crc32(b"\xfa\x2d\x55\xca"))
    return header + crc24(header).to_bytes(3, "little") + payload + check.to_bytes(4, "little")


class Connection:
    def __init__(self, peer):
        self.peer = peer
        self.data = b""
        self.is_framed = False
        self.version = 0
        self.prepared = {}

    def read(self, count):
        while len(self.data) < count:
            more = self.peer.recv(65536)
            if not more:
                sys.exit()
            self.data += more
        part, self.data = self.data[:count], self.data[count:]
        return part

    def rows(self, names, values, count):
        """Columns of text, and the same row over and over."""
        columns = b"".join(string(name) + struct.pack(">H", 13) for name in names)
        metadata = struct.pack(">ii", 1, len(names)) + string("system") + string("local") + columns
        row = b"".join(struct.pack(">i", len(value)) + value.encode() for value in values)
        return struct.pack(">i", 2) + metadata + struct.pack(">i", count) + row * count

    def run(self, text):
        say("failed" if "missing" in text else "ok")
        if "missing" in text:
            return ERROR, struct.pack(">i", 0x2200) + string("no such table")
        if "system.local" in text:
            names = ["key", "cluster_name", "data_center", "rack", "release_version"]
            return RESULT, self.rows(names, ["local", "test", "one", "one", "4.1.0"], 1)
        if text.lower().startswith("select"):
            words = text.split()
            return RESULT, self.rows(["a"], ["x" * 100], int(words[-1]) if words[-1].isdigit() else 0)
        return RESULT, struct.pack(">i", 1)

    def prepare(self, text):
        name = b"%08d" % len(self.prepared)
        self.prepared[name] = text
        body = struct.pack(">iH", 4, len(name)) + name
        if self.version >= 5:
            body += struct.pack(">H", 2) + b"id"
        # No variables; of the result nothing is said before it comes.
        body += struct.pack(">ii", 0, 0)
        if self.version >= 4:
            body += struct.pack(">i", 0)
        return RESULT, body + struct.pack(">ii", 4, 0)

    def answer(self, opcode, body):
        if opcode in (STARTUP, REGISTER):
            return READY, b""
        if opcode == OPTIONS:
            versions = string("CQL_VERSION") + struct.pack(">H", 1) + string("3.4.5")
            return SUPPORTED, struct.pack(">H", 2) + versions + string("COMPRESSION") + struct.pack(">H", 0)
        if opcode in (QUERY, PREPARE):
            text = body[4:4 + struct.unpack(">i", body[:4])[0]].decode()
            return self.run(text) if opcode == QUERY else self.prepare(text)
        if opcode == EXECUTE:
            return self.run(self.prepared[body[2:2 + struct.unpack(">H", body[:2])[0]]])
        if opcode == BATCH:
            # A kind, the number of statements, and the first one: its text follows.
            return self.run(body.decode("latin-1"))
        sys.exit(f"opcode {opcode}")

    def envelope(self, data):
        """Answers the first envelope of some bytes; returns the rest of them."""
        version, flags, stream, opcode, length = struct.unpack(">BBHBI", data[:9])
        self.version = version
        kind, body = self.answer(opcode, data[9:9 + length])
        reply = struct.pack(">BBHBI", version | 0x80, 0, stream, kind, len(body)) + body
        self.peer.sendall(segment(reply) if self.is_framed else reply)
        if opcode == STARTUP and version >= 5:
            self.is_framed = True
        return data[9 + length:]

    def serve(self):
        while True:
            if self.is_framed:
                size = int.from_bytes(self.read(6)[:3], "little") & 0x1FFFF
                payload = self.read(size + 4)[:-4]
                while payload:
                    payload = self.envelope(payload)
            else:
                head = self.read(9)
                self.envelope(head + self.read(struct.unpack(">I", head[5:])[0]))


def main():
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    while True:
        threading.Thread(target=Connection(listener.accept()[0]).serve, daemon=True).start()


main()
