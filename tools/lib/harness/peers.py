"""What the agent is compared with: netdata's cgroups plugin, scraped by Prometheus in agent mode."""
import os
import time
import urllib.request

from machine import Process, fail, free_port

# As little else as netdata can be told to do: it is compared by what it costs for containers.
NETDATA = """
[global]
    run as user = root
[directories]
    config = {folder}
    cache = {folder}/cache
    lib = {folder}/lib
    log = {folder}/log
    home = {folder}
[logs]
    access = none
    error = {folder}/log/error.log
    debug = none
[db]
    mode = {mode}
    update every = {every}
    retention = 300
[ml]
    enabled = no
[health]
    enabled = no
[web]
    bind to = 127.0.0.1:{port}
[registry]
    enabled = no
[cloud]
    enabled = no
[statsd]
    enabled = no
[plugins]
    enable running new plugins = no
    check for new plugins every = 86400
    PATH environment variable = /usr/sbin:/usr/bin:/sbin:/bin
    cgroups = yes
    {off}
[plugin:cgroups]
    update every = {every}
    max cgroups to allow = 100000
    check for new cgroups every = 10
    run script to rename cgroups matching = !*
    search for cgroups in subpaths matching = *
    script to get cgroup network interfaces = /bin/true
    enable cgroups v2 = {version2}
"""

OFF = [
    "proc", "diskspace", "timex", "idlejitter", "tc", "apps", "ebpf", "charts.d", "python.d", "go.d", "node.d", "fping",
    "ioping", "perf", "slabinfo", "nfacct", "cups", "freeipmi", "netdata monitoring", "profile", "xenstat",
]

PROMETHEUS = """
global:
  scrape_interval: {interval}s
  scrape_timeout: {interval}s
scrape_configs:
  - job_name: netdata
    metrics_path: /api/v1/allmetrics
    params: {{format: [prometheus]}}
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
remote_write:
  - url: http://{sink}/peers
"""


class Peers:
    """netdata and Prometheus, started and showing all `count` containers."""

    PATH = "/peers"

    def __init__(self, count, folder, sink, interval, every, cleanup):
        for name in ("cache", "lib", "log", "prometheus"):
            os.makedirs(f"{folder}/{name}", exist_ok=True)
        # netdata asks nobody outside.
        with open(folder + "/.opt-out-from-anonymous-statistics", "w", encoding="utf-8"):
            pass
        port = free_port()
        self.page = f"http://127.0.0.1:{port}/api/v1/allmetrics?format=prometheus"
        version2 = "yes" if os.path.exists("/sys/fs/cgroup/cgroup.controllers") else "no"
        with open(folder + "/netdata.conf", "w", encoding="utf-8") as file:
            file.write(NETDATA.format(
                folder=folder, port=port, every=every, mode="ram", version2=version2,
                off="\n    ".join(name + " = no" for name in OFF)))
        with open(folder + "/prometheus.yml", "w", encoding="utf-8") as file:
            file.write(PROMETHEUS.format(interval=interval, port=port, sink=sink))
        self.netdata = Process(["netdata", "-D", "-c", folder + "/netdata.conf"], cleanup, folder + "/netdata.out")
        self.wait(count)
        self.prometheus = Process(
            ["prometheus", "--enable-feature=agent", "--config.file=" + folder + "/prometheus.yml",
             "--storage.agent.path=" + folder + "/prometheus", f"--web.listen-address=127.0.0.1:{free_port()}"],
            cleanup, folder + "/prometheus.out")

    def wait(self, count):
        """Until netdata shows every container's CPU."""
        seen = 0
        for _ in range(240 + count // 4):
            time.sleep(0.5)
            self.netdata.check()
            try:
                with urllib.request.urlopen(self.page, timeout=30) as page:
                    seen = sum(
                        line.startswith(b"netdata_cgroup_cpu_percentage_average{") and b'dimension="user"' in line
                        for line in page)
            except OSError:
                continue
            if seen >= count:
                return
        fail(f"netdata shows {seen} of {count} containers")

    @property
    def processes(self):
        return [self.netdata, self.prometheus]
