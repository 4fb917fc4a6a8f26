"""What reading many logs costs the agent: CPU and memory beside an agent that reads none (tools/logfiles)."""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from containers import hierarchies
from machine import TICKS, Cleanup, describe, fail, read, say
from report import table, write_json

CONTAINERS = 10
SECONDS = 20
WRITES = 10

# Writes to its files in turn, so many times a second: PATHS... on the command line after LINES and WRITES.
WRITER = """
import os, sys, time
lines, writes, paths = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
files = [os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644) for path in paths]
levels = ["INFO ", "DEBUG", "INFO ", "INFO ", "ERROR"]
number, begin = 0, time.monotonic()
while True:
    text = "".join(
        f"2026-01-01 00:00:00.000 {levels[n % 5]} shop: request {n:08d} of a client has taken {n % 90:02d} ms, no more, n"
        f"o less...\\n" for n in range(number, number + lines // writes)).encode()
    for file in files:
        os.write(file, text)
    number += lines // writes
    time.sleep(max(0, begin + number / lines - time.monotonic()))
"""


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_POST(self):
        self.server.bytes += len(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


def make_cgroups(names, cleanup):
    """Directories of units in every hierarchy; returns those of each name."""
    made = {name: [] for name in names}
    for mount in hierarchies():
        parent = mount + "/system.slice"
        if not os.path.isdir(parent):
            os.mkdir(parent)
            cleanup.add(lambda path=parent: os.rmdir(path))
        for name in names:
            path = f"{parent}/{name}"
            os.mkdir(path)
            made[name].append(path)
            cleanup.add(lambda path=path: remove(path))
    return made


def remove(path):
    for _ in range(100):
        try:
            return os.rmdir(path)
        except OSError:
            time.sleep(0.02)
    os.rmdir(path)


def cpu(pid):
    fields = read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident(pid):
    return next(int(line.split()[1]) * 1024 for line in read(f"/proc/{pid}/status").splitlines()
                if line.startswith("VmRSS:"))


def messages(address):
    """The messages of the containers' files that the page shows."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
               if line.startswith("container_log_messages_total{") and "/var/log/martlet-bench" in line)


def measure(name, options, arguments, folder, expected):
    address = f"127.0.0.1:{20000 + os.getpid() % 10000}"
    log = open(f"{folder}/{name.replace(' ', '-')}.log", "wb")
    agent = subprocess.Popen(
        [arguments.agent, "--listen", address, "--min-container-age=0s", f"--wal-dir={folder}/wal", *options],
        stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        # It has found all files, and the start is over.
        time.sleep(20)
        if agent.poll() is not None:
            fail(f"the agent ended: {read(log.name).strip().splitlines()[-1:]}")
        before, begin, count = cpu(agent.pid), time.monotonic(), messages(address) if expected else 0
        time.sleep(SECONDS)
        after = messages(address) if expected else 0
        elapsed = time.monotonic() - begin
        used = cpu(agent.pid) - before
        rate = (after - count) / elapsed
        # What the page shows is up to a second old, at both ends.
        if expected and not 0.85 * expected < rate < 1.15 * expected:
            fail(f"{name}: {rate:,.0f} lines a second were read, {expected:,.0f} were written")
        return {"cpu_percent": 100 * used / elapsed, "resident_mb": resident(agent.pid) / 1e6, "lines_per_second": rate}
    finally:
        agent.terminate()
        try:
            agent.wait(30)
        except subprocess.TimeoutExpired:
            agent.kill()
            agent.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--agent", required=True)
    parser.add_argument("--json")
    parser.add_argument("files", type=int, nargs="?", default=500)
    parser.add_argument("lines", type=int, nargs="?", default=100)
    arguments = parser.parse_args()
    cleanup = Cleanup()
    folder = tempfile.mkdtemp(prefix="martlet-logfiles-")
    cleanup.add(lambda: shutil.rmtree(folder))
    logs = "/var/log/martlet-bench"
    os.mkdir(logs)
    cleanup.add(lambda: shutil.rmtree(logs))

    say(f"{arguments.files} files, {arguments.lines} lines a second each")
    names = [f"martlet-bench-{index}.service" for index in range(CONTAINERS)]
    cgroups = make_cgroups(names, cleanup)
    for index, name in enumerate(names):
        paths = [f"{logs}/{number}.log" for number in range(index, arguments.files, CONTAINERS)]
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(arguments.lines), str(WRITES), *paths], stdin=subprocess.DEVNULL)
        cleanup.add(lambda writer=writer: (writer.kill(), writer.wait()))
        for path in cgroups[name]:
            with open(path + "/cgroup.procs", "w", encoding="ascii") as file:
                file.write(str(writer.pid))

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.daemon_threads, server.bytes = True, 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    cleanup.add(server.shutdown)
    endpoint = f"http://127.0.0.1:{server.server_port}/v1/logs"
    total = arguments.files * arguments.lines
    results = {}
    for name, options, expected in [
        ("no logs", ["--disable-log-parsing"], 0), ("counted", [], total),
        ("exported, zstd", [f"--logs-endpoint={endpoint}", "--otlp-compression=zstd"], total),
    ]:
        say(name)
        results[name] = measure(name, options, arguments, folder, expected)
    base = results["no logs"]
    rows = []
    for name, figures in results.items():
        figures["more_cpu_percent"] = figures["cpu_percent"] - base["cpu_percent"]
        figures["more_resident_mb"] = figures["resident_mb"] - base["resident_mb"]
        rows.append([name, f"{figures['lines_per_second']:,.0f}", f"{figures['cpu_percent']:.1f}",
                     f"{figures['more_cpu_percent']:.1f}", f"{figures['resident_mb']:.1f}",
                     f"{figures['more_resident_mb']:.1f}"])
    table(["agent", "lines/s", "CPU, % of a core", "more", "resident, MB", "more"], rows)
    if arguments.json:
        write_json(arguments.json, {"machine": describe(), "files": arguments.files, "lines": arguments.lines,
                                    "received_bytes": server.bytes, "results": results})


main()
