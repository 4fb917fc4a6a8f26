#!/usr/bin/env python3
"""A MongoDB server that knows enough for a driver. usage: mongo_server.py PORT
Prints "ready", and for every message that it got: ok, failed or unknown (one that wants no answer)."""
import socket
import struct
import sys
import threading

import bson

LOCK = threading.Lock()


def say(what):
    with LOCK:
        print(what, flush=True)


def answer(command):
    name = next(iter(command))
    if name.lower() in ("hello", "ismaster"):
        return {
            "ismaster": True, "maxBsonObjectSize": 1 << 24, "maxMessageSizeBytes": 48000000,
            "maxWriteBatchSize": 100000, "minWireVersion": 0, "maxWireVersion": 9, "readOnly": False, "ok": 1.0,
        }
    if command[name] == "missing":
        return {"ok": 0.0, "errmsg": "no such collection", "code": 26, "codeName": "NamespaceNotFound"}
    if command[name] == "duplicate":
        return {"n": 0, "writeErrors": [{"index": 0, "code": 11000, "errmsg": "E11000 duplicate"}], "ok": 1.0}
    if name == "find":
        documents = [{"_id": number, "x": "y" * 100} for number in range(command.get("limit", 1))]
        return {"cursor": {"firstBatch": documents, "id": 0, "ns": "db.c"}, "ok": 1.0}
    return {"n": 1, "ok": 1.0}


def serve(connection):
    data, number = b"", 1000
    while True:
        more = connection.recv(65536)
        if not more:
            return
        data += more
        while len(data) >= 16:
            length, request, _, operation = struct.unpack("<iiii", data[:16])
            if len(data) < length:
                break
            message, data, number = data[16:length], data[length:], number + 1
            if operation == 2004:
                end = message.index(b"\0", 4)
                reply = answer(bson.decode(message[end + 9:]))
                body = struct.pack("<iqii", 8, 0, 0, 1) + bson.encode(reply)
            else:
                size = struct.unpack("<i", message[5:9])[0]
                reply = answer(bson.decode(message[5:5 + size]))
                if struct.unpack("<I", message[:4])[0] & 2:
                    say("unknown")
                    continue
                body = struct.pack("<I", 0) + b"\0" + bson.encode(reply)
            say("failed" if reply["ok"] != 1.0 or "writeErrors" in reply else "ok")
            header = struct.pack("<iiii", 16 + len(body), number, request, 1 if operation == 2004 else 2013)
            connection.sendall(header + body)


listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("ready", flush=True)
while True:
    accepted, _ = listener.accept()
    threading.Thread(target=serve, args=(accepted,), daemon=True).start()
