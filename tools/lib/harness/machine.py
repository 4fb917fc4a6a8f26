"""What a tool measures on: facts of the machine, processes, and what must be taken down again."""
import atexit
import os
import platform
import signal
import socket
import subprocess
import sys
import time

TICKS = os.sysconf("SC_CLK_TCK")


def fail(message):
    """Ends the tool with one line."""
    print(f"{os.path.basename(os.environ.get('TOOL', sys.argv[0]))}: {message}", file=sys.stderr)
    raise SystemExit(1)


def say(message):
    print(f"==> {message}", file=sys.stderr, flush=True)


def read(path):
    """A small file's text; empty if it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def describe():
    """The machine in a line of text for tables, plots and JSON."""
    model = next((line.split(":", 1)[1].strip() for line in read("/proc/cpuinfo").splitlines()
                  if line.startswith("model name")), platform.machine())
    memory = int(read("/proc/meminfo").split()[1]) / 1024 / 1024
    system = next((line.split("=", 1)[1].strip('"') for line in read("/etc/os-release").splitlines()
                   if line.startswith("PRETTY_NAME=")), "Linux")
    return {
        "cpu": model, "cpus": os.cpu_count(), "memory_gib": round(memory, 1), "kernel": platform.release(),
        "system": system, "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


class Cleanup:
    """What was made, taken down in reverse order at the end, also on Ctrl-C."""

    def __init__(self):
        self.steps = []
        atexit.register(self.run)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._interrupted)

    @staticmethod
    def _interrupted(number, _):
        # The first one counts: what follows must not stop the taking down.
        for again in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(again, signal.SIG_IGN)
        raise SystemExit(128 + number)

    def add(self, step):
        self.steps.append(step)

    def run(self):
        while self.steps:
            try:
                self.steps.pop()()
            except OSError as error:
                print(f"cannot take down: {error}", file=sys.stderr)


class Process:
    """A program that was started and its children: their CPU time and memory."""

    def __init__(self, arguments, cleanup, log, environment=None, **options):
        self.log = log
        with open(log, "wb") as file:
            self.child = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=options.pop("stdout", file), stderr=file,
                env=environment, start_new_session=True, **options)
        self.pid = self.child.pid
        self.name = os.path.basename(arguments[0])
        cleanup.add(self.stop)

    def stop(self, grace=15):
        if self.child.poll() is not None:
            return
        self.child.terminate()
        try:
            self.child.wait(grace)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()

    def check(self):
        """Ends the tool if the program has ended."""
        if self.child.poll() is not None:
            lines = read(self.log).strip().splitlines()
            fail(f"{self.name} ended with status {self.child.returncode}: {lines[-1] if lines else 'it said nothing'}")

    def tree(self):
        """Ids of the program and all its descendants."""
        found, rest = [], [self.pid]
        while rest:
            pid = rest.pop()
            found.append(pid)
            for task in tasks(pid):
                rest += [int(child) for child in read(f"/proc/{pid}/task/{task}/children").split()]
        return found

    def cpu_seconds(self):
        """CPU time of the program, its children and those children that it has waited for."""
        total = 0
        for pid in self.tree():
            text = read(f"/proc/{pid}/stat")
            if text:
                fields = text.rpartition(")")[2].split()
                total += sum(int(field) for field in fields[11:15 if pid == self.pid else 13])
        return total / TICKS

    def memory(self, field):
        """`VmRSS` or `VmHWM` of all of them, in bytes."""
        total = 0
        for pid in self.tree():
            for line in read(f"/proc/{pid}/status").splitlines():
                if line.startswith(field + ":"):
                    total += int(line.split()[1]) * 1024
        return total

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))


def tasks(pid):
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []


def free_port():
    """A TCP port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
