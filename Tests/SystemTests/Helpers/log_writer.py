#!/usr/bin/env python3
"""Writes numbered lines to a log and rotates it: log_writer.py KIND NAME PATH [cri].

For every line "write COUNT" on standard input it writes so many lines more; "rotate COUNT" rotates the log first. KIND is rename,
copy or delete. It answers each with the number of lines so far. With cri the lines are those of a runtime of Kubernetes.
"""
import os, shutil, sys, time

kind, name, path = sys.argv[1:4]
isCRI = sys.argv[4:] == ["cri"]
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
    action, count = command.split()
    if action == "rotate":
        rotate()
    end = written + int(count)
    while written < end:
        upto = min(written + 200, end)
        seconds, rest = divmod(time.time_ns(), 10**9)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
        head = f"{stamp}.{rest:09}Z stdout F " if isCRI else ""
        block = "".join(
            f"{head}2026-01-01 00:00:00.000 {levels[n % 5]} {name} line {n} of a program that has something to say of {n * 7919}\n"
            for n in range(written, upto)
        )
        data = block.encode()
        while data:
            data = data[os.write(file, data):]
        written = upto
    print(written, flush=True)
