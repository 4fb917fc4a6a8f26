"""Containers as Docker makes them, without Docker: cgroups in every hierarchy, state on disk, processes, sockets."""
import hashlib
import json
import os
import select
import subprocess

from machine import fail, read

# What Docker's containers have in version 1, as far as somebody here reads it.
CONTROLLERS = {"memory", "cpu", "cpuacct", "blkio", "pids", "devices", "name=systemd"}
CONNECTIONS = 3


def hierarchies():
    """Mount points of the cgroup hierarchies that count: version 2, and those of `CONTROLLERS`."""
    found = []
    for line in read("/proc/self/mounts").splitlines():
        fields = line.split()
        if fields[2] == "cgroup2" or fields[2] == "cgroup" and CONTROLLERS & set(fields[3].split(",")):
            found.append(fields[1])
    return found


class Containers:
    """`count` containers, each with two processes, one listening socket and `CONNECTIONS` connections to others."""

    def __init__(self, count, folder, clang, cleanup):
        self.count = count
        self.ids = [hashlib.sha256(f"martlet density {index}".encode()).hexdigest() for index in range(count)]
        self.made = []
        self.child = None
        mounts = hierarchies()
        if not mounts:
            fail("no cgroup hierarchy is mounted")
        parents = [mount + "/docker" for mount in mounts]
        for parent in parents:
            for name in self.ids:
                if os.path.exists(f"{parent}/{name}"):
                    fail(f"{parent}/{name} is in the way: another tools/density runs, or one was killed; "
                         "end its processes and remove it")
        cleanup.add(self.remove)
        for parent in parents:
            self.make(parent)
            for name in self.ids:
                self.make(f"{parent}/{name}")
        self.write_state(folder, parents)
        self.start(folder, self.build(folder, clang))

    @staticmethod
    def build(folder, clang):
        """The program of the containers, under the name by which the agent knows Docker's daemon."""
        program, source = folder + "/dockerd", os.path.join(os.path.dirname(__file__), "workload.c")
        built = subprocess.run([clang, "-O2", "-std=gnu11", "-o", program, source], capture_output=True, text=True)
        if built.returncode != 0:
            fail(f"{source} does not build: {built.stderr.strip().splitlines()[0] if built.stderr else clang}")
        return program

    def make(self, path):
        if os.path.isdir(path):
            return
        try:
            os.mkdir(path)
        except OSError as error:
            fail(f"cannot make the cgroup {path}: {error.strerror}")
        self.made.append(path)
        # A cgroup of version 2 has the files of those controllers that its parent hands on.
        if os.path.exists(path + "/cgroup.subtree_control") and path.endswith("/docker"):
            for directory in (os.path.dirname(path), path):
                for name in read(directory + "/cgroup.controllers").split():
                    try:
                        with open(directory + "/cgroup.subtree_control", "w", encoding="utf-8") as file:
                            file.write("+" + name)
                    except OSError:
                        pass

    def write_state(self, folder, parents):
        """Docker's own files, as far as the agent reads them."""
        for index, name in enumerate(self.ids):
            directory = f"{folder}/containers/{name}"
            os.makedirs(directory)
            state = {
                "ID": name, "Name": f"/service-{index}",
                "Config": {"Image": f"registry.example/team/service-{index % 50}:1.{index % 7}",
                           "Labels": {"com.docker.compose.service": f"service-{index}"}, "Env": []},
            }
            with open(directory + "/config.v2.json", "w", encoding="utf-8") as file:
                json.dump(state, file)
        with open(folder + "/ids", "w", encoding="utf-8") as file:
            file.write("\n".join(self.ids) + "\n")
        with open(folder + "/cgroups", "w", encoding="utf-8") as file:
            file.write("\n".join(parents) + "\n")

    def start(self, folder, program):
        errors = folder + "/containers.log"
        with open(errors, "wb") as log:
            self.child = subprocess.Popen(
                [program, "--data-root", folder, str(self.count), str(CONNECTIONS)], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=log, start_new_session=True)
        ready, _, _ = select.select([self.child.stdout], [], [], 60 + self.count / 20)
        if not ready or self.child.stdout.readline() != b"ready\n":
            lines = read(errors).strip().splitlines()
            fail(lines[0] if lines else "the containers' processes do not start")

    def check(self):
        if self.child.poll() is not None:
            fail("a process of the containers ended: what was measured is worth nothing")

    def remove(self):
        if self.child:
            self.child.kill()
            self.child.wait()
        for path in reversed(self.made):
            self.remove_one(path)
        self.made = []

    @staticmethod
    def remove_one(path):
        """The processes in it end in their own time after they were killed."""
        poll = select.poll()
        for _ in range(500):
            try:
                os.rmdir(path)
                return
            except FileNotFoundError:
                return
            except OSError:
                poll.poll(20)
        raise OSError(f"the cgroup {path} is still in use")
