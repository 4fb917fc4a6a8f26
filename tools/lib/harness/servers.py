"""Servers under load for tools/overhead, each in a cgroup of its own as a service has it, and what drives them."""
import csv
import glob
import os
import pwd
import re
import subprocess
import time

from containers import hierarchies
from machine import Process, fail, free_port

NGINX = """
daemon off;
worker_processes 1;
error_log stderr crit;
pid {folder}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{port}; location / {{ return 200 "hello"; }} }}
}}
"""
CLIENTS = 16


class Service:
    """A cgroup below system.slice in every hierarchy; `join` is for the child before it becomes another program."""

    def __init__(self, name, cleanup):
        self.files = []
        for mount in hierarchies():
            for path in (mount + "/system.slice", f"{mount}/system.slice/{name}.service"):
                if not os.path.isdir(path):
                    os.mkdir(path)
                    cleanup.add(lambda path=path: self.remove(path))
                elif path.endswith(".service"):
                    fail(f"{path} is in the way: another tools/overhead runs, or one was killed; remove it")
            self.files.append(path + "/cgroup.procs")

    @staticmethod
    def remove(path):
        for _ in range(100):
            try:
                os.rmdir(path)
                return
            except OSError:
                time.sleep(0.02)
        # A slice that others use by now stays.

    def join(self):
        for path in self.files:
            with open(path, "w", encoding="ascii") as file:
                file.write("0")


def wait(what, ready, server):
    for _ in range(200):
        server.check()
        if ready():
            return
        time.sleep(0.05)
    fail(f"{what} does not answer")


def output(arguments, service, **options):
    """What a client printed; it runs in the cgroup of all clients."""
    ended = subprocess.run(
        arguments, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, preexec_fn=service.join, **options)
    if ended.returncode != 0:
        words = (ended.stderr or ended.stdout).strip().splitlines()
        fail(f"{arguments[0]} ended with status {ended.returncode}: {words[-1] if words else 'it said nothing'}")
    return ended.stdout


def found(pattern, words, what):
    match = re.search(pattern, words)
    if not match:
        fail(f"{what} printed no result")
    return float(match.group(1))


class Servers:
    """nginx, Redis and PostgreSQL, started and answering. `workloads` gives a rate per second for each name."""

    def __init__(self, folder, seconds, cleanup):
        self.folder, self.seconds = folder, seconds
        self.clients = Service("overhead-clients", cleanup)
        self.start_nginx(cleanup)
        self.start_redis(cleanup)
        self.start_postgres(cleanup)
        self.requests = {"get": 20_000, "set": 20_000, "get, 16 at once": 20_000}
        self.workloads = {
            "nginx, kept connections": lambda: self.wrk([]),
            "nginx, a connection each": lambda: self.wrk(["-H", "Connection: close"]),
            "Redis, get": lambda: self.redis("get"),
            "Redis, set": lambda: self.redis("set"),
            "Redis, get, 16 at once": lambda: self.redis("get", pipeline=16),
            "PostgreSQL, select": lambda: self.pgbench(),
        }

    def start_nginx(self, cleanup):
        self.nginx = free_port()
        with open(self.folder + "/nginx.conf", "w", encoding="utf-8") as file:
            file.write(NGINX.format(folder=self.folder, port=self.nginx))
        server = Process(
            ["nginx", "-p", self.folder, "-c", self.folder + "/nginx.conf"], cleanup, self.folder + "/nginx.log",
            preexec_fn=Service("overhead-nginx", cleanup).join)
        wait("nginx", lambda: subprocess.run(
            ["wrk", "-t1", "-c1", "-d1", f"http://127.0.0.1:{self.nginx}/"], capture_output=True).returncode == 0, server)

    def start_redis(self, cleanup):
        self.redis_port = free_port()
        server = Process(
            ["redis-server", "--bind", "127.0.0.1", "--port", str(self.redis_port), "--save", "", "--dir", self.folder],
            cleanup, self.folder + "/redis.log", preexec_fn=Service("overhead-redis", cleanup).join)
        wait("Redis", lambda: subprocess.run(
            ["redis-cli", "-p", str(self.redis_port), "ping"], capture_output=True).stdout == b"PONG\n", server)

    def start_postgres(self, cleanup):
        programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[-2]))
        if not programs:
            fail("no PostgreSQL below /usr/lib/postgresql")
        self.postgres, self.port, data = programs[-1], free_port(), self.folder + "/postgres"
        user = pwd.getpwnam("postgres")
        os.mkdir(data)
        os.chown(data, user.pw_uid, user.pw_gid)
        os.chmod(self.folder, 0o755)
        owner = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}
        made = subprocess.run(
            [self.postgres + "/initdb", "-D", data, "-A", "trust"], capture_output=True, text=True, check=False, **owner)
        if made.returncode != 0:
            fail(f"initdb failed: {(made.stderr.strip().splitlines() or ['it said nothing'])[-1]}")
        service = Service("overhead-postgres", cleanup)

        def join():
            # Before the user changes: cgroups are root's.
            service.join()
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)

        server = Process(
            [self.postgres + "/postgres", "-D", data, "-p", str(self.port), "-c", "listen_addresses=127.0.0.1",
             "-c", "unix_socket_directories=", "-c", "fsync=off"], cleanup, self.folder + "/postgres.log", preexec_fn=join,
            cwd="/")
        self.database = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"]
        wait("PostgreSQL", lambda: subprocess.run(
            [self.postgres + "/pg_isready", *self.database], capture_output=True).returncode == 0, server)
        output([self.pgbench_program(), *self.database, "-i", "-q", "-s", "5", "postgres"], self.clients)

    def pgbench_program(self):
        path = self.postgres + "/pgbench"
        return path if os.path.exists(path) else "pgbench"

    def wrk(self, options):
        return found(r"Requests/sec:\s+([\d.]+)", output(
            ["wrk", "-t1", f"-c{CLIENTS}", f"-d{self.seconds}s", *options, f"http://127.0.0.1:{self.nginx}/"], self.clients),
            "wrk")

    def redis(self, test, pipeline=1):
        """The number of requests follows the rate of the run before: this client knows no duration."""
        name = test if pipeline == 1 else f"{test}, {pipeline} at once"
        lines = output(
            ["redis-benchmark", "-p", str(self.redis_port), "-c", str(CLIENTS), "-t", test, "-n", str(self.requests[name]),
             "-P", str(pipeline), "--csv"], self.clients).splitlines()
        rate = float(next(row[1] for row in csv.reader(lines) if row[0].lower() == test))
        self.requests[name] = max(20_000, int(rate * self.seconds))
        return rate

    def at_rate(self, rate):
        """Latencies of nginx at a fixed rate: the rate that was reached, the median and the 99th percentile in seconds."""
        clients = 50
        words = output(
            ["hey", "-z", f"{self.seconds}s", "-c", str(clients), "-q", str(rate // clients),
             f"http://127.0.0.1:{self.nginx}/"], self.clients)
        return {"rate": found(r"Requests/sec:\s+([\d.]+)", words, "hey"),
                "p50": found(r"50%+ in ([\d.]+) secs", words, "hey"), "p99": found(r"99%+ in ([\d.]+) secs", words, "hey")}

    def pgbench(self):
        return found(r"tps = ([\d.]+)", output(
            [self.pgbench_program(), *self.database, "-S", "-n", "-M", "prepared", "-c", "8", "-T", str(self.seconds),
             "postgres"], self.clients), "pgbench")
