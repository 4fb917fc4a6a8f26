#!/usr/bin/env python3
"""Reads or damages the files of a spool, by docs/spool.md and without the agent's code.

list DIRECTORY          a line of JSON for each whole record that is not acknowledged: sequence, items, hash of the payload
damage DIRECTORY SEED   damages one file at one place and says how
"""
import hashlib
import json
import os
import random
import struct
import sys

TABLE = []
for index in range(256):
    value = index
    for _ in range(8):
        value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    TABLE.append(value)


def checksum(data):
    """CRC-32C."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def segments(directory):
    return sorted(name for name in os.listdir(directory) if name.endswith(".seg"))


def acknowledged(directory):
    best = (0, 0)
    try:
        with open(os.path.join(directory, "acknowledged"), "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return 0
    for place in (0, 512):
        slot = data[place : place + 24]
        if len(slot) == 24 and struct.unpack("<I", slot[:4])[0] == checksum(slot[4:]):
            best = max(best, struct.unpack("<QQ", slot[8:]))
    return best[1]


def records(directory):
    done = acknowledged(directory)
    for name in segments(directory):
        with open(os.path.join(directory, name), "rb") as file:
            data = file.read()
        place = 24
        while place + 24 <= len(data):
            length, crc, sequence, items = struct.unpack_from("<IIQI", data, place)
            end = place + 24 + length
            if end > len(data):
                break
            if sequence > done:
                # The checksum of long files takes a while here: only the end of a file can be half a record.
                if end == len(data) and crc != checksum(data[place : place + 4] + data[place + 8 : end]):
                    break
                body = data[place + 24 : end]
                yield {"sequence": sequence, "items": items, "hash": hashlib.sha256(body).hexdigest()[:16]}
            place = end


def damage(directory, seed):
    rng = random.Random(seed)
    name = rng.choice([name for name in os.listdir(directory) if name not in ("lock", "owner")])
    path = os.path.join(directory, name)
    with open(path, "rb") as file:
        data = bytearray(file.read())
    place = rng.randrange(max(1, len(data)))
    size = rng.randrange(1, 3000)
    how = rng.choice(["flip", "zeros", "noise", "remove", "insert", "cut", "copy", "header", "delete"])
    if how == "flip":
        data[place] ^= 1 << rng.randrange(8)
    elif how == "zeros":
        data[place : place + size] = bytes(len(data[place : place + size]))
    elif how == "noise":
        data[place : place + size] = rng.randbytes(len(data[place : place + size]))
    elif how == "remove":
        del data[place : place + size]
    elif how == "insert":
        data[place:place] = rng.randbytes(size)
    elif how == "cut":
        del data[place:]
    elif how == "copy":
        source = rng.randrange(len(data))
        block = data[source : source + size]
        data[place : place + len(block)] = block
    elif how == "header":
        data[rng.randrange(min(24, len(data)))] ^= 1 << rng.randrange(8)
    if how == "delete":
        os.unlink(path)
    else:
        with open(path, "wb") as file:
            file.write(data)
    print(f"{how} {size} at {place} of {name}")


if sys.argv[1] == "list":
    for record in records(sys.argv[2]):
        print(json.dumps(record))
else:
    damage(sys.argv[2], int(sys.argv[3]))
