#!/usr/bin/env python3
"""Writes numbered lines to a log and rotates it: log_writer.py KIND NAME PATH LINES.

For every line on standard input it writes LINES more lines; "rotate" rotates the log first. KIND is rename, copy or delete.
It answers each with the number of lines so far.
"""
import os, shutil, sys

kind, name, path, lines = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
levels = ["INFO", "INFO", "ERROR", "INFO", "DEBUG"]
file = os.open(path, flags, 0o644)
written = 0


def rotate():
    global file
    for number in range(8, 0, -1):
        if os.path.exists(f"{path}.{number}"):
            os.rename(f"{path}.{number}", f"{path}.{number + 1}")
    if kind == "copy":
        shutil.copyfile(path, f"{path}.1")
        os.ftruncate(file, 0)
        return
    if kind == "rename":
        os.rename(path, f"{path}.1")
    else:
        os.unlink(path)
    os.close(file)
    file = os.open(path, flags, 0o644)


for command in sys.stdin:
    if command.strip() == "rotate":
        rotate()
    end = written + lines
    while written < end:
        upto = min(written + 200, end)
        block = "".join(
            f"2026-01-01 00:00:00.000 {levels[n % 5]} {name} line {n} of a program that has something to say of {n * 7919}\n"
            for n in range(written, upto)
        )
        data = block.encode()
        while data:
            data = data[os.write(file, data):]
        written = upto
    print(written, flush=True)
