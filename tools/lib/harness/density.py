#!/usr/bin/env python3
"""What the agent costs on a node with many containers, beside netdata scraped by Prometheus: see tools/density."""
import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time

import report
from containers import CONNECTIONS, Containers
from machine import Cleanup, Process, describe, fail, read, say
from peers import Peers
from sink import Sink, samples, unlabelled

# What `--check` asks for, per the project's budgets.
CPU_MS_PER_1000 = 100
RESIDENT_BYTES_FIXED, RESIDENT_BYTES_EACH = 30e6, 50e3
PEAK_RATIO, DESCRIPTORS_EACH, CPU_RATIO, MEMORY_RATIO = 1.2, 8, 10, 5


class Agent:
    """The release agent in push mode, and what it said of itself."""

    PATH = "/agent"

    def __init__(self, program, folder, sink, interval, cleanup):
        self.sink = sink
        self.process = Process(
            [program, "--metrics-endpoint", f"http://{sink.address}{self.PATH}", "--scrape-interval", f"{interval}s",
             "--min-container-age=0s", "--wal-dir", folder + "/spool"], cleanup, folder + "/agent.log")

    def series(self):
        """The newest snapshot: {(name, labels): value}."""
        found = {}
        for request in self.sink.taken(self.PATH):
            for labels, value in samples(request):
                found[tuple(labels)] = value
        return found

    def containers(self, series):
        """How many containers are shown with their CPU."""
        return sum(unlabelled(labels).get("__name__") == "container_resources_cpu_usage_seconds_total"
                   and unlabelled(labels).get("container_id", "").startswith("/docker/") for labels in series)

    @staticmethod
    def own(series, name):
        return sum(value for labels, value in series.items() if unlabelled(labels).get("__name__") == name)

    def wait(self, count, interval):
        """Until the sink has seen every container: then the start is over."""
        seen, begin = 0, time.monotonic()
        while time.monotonic() - begin < 60 + 4 * interval + count / 20:
            time.sleep(min(1, interval / 2))
            self.process.check()
            if self.sink.taken(self.PATH):
                seen = self.containers(self.series())
                if seen >= count:
                    return time.monotonic() - begin
                self.sink.begin()
        fail(f"the agent shows {seen} of {count} containers")


def measure(count, options):
    """One node with `count` containers: figures of the agent and its peers over the same time."""
    cleanup = Cleanup()
    folder = tempfile.mkdtemp(prefix="martlet-density-")
    cleanup.add(lambda: shutil.rmtree(folder, ignore_errors=True))
    say(f"{count} containers: making them")
    containers = Containers(count, folder, options.clang, cleanup)
    sink = Sink(cleanup)
    agent = Agent(options.agent, folder, sink, options.interval, cleanup)
    start = agent.wait(count, options.interval)
    peers = None
    if options.peers:
        say(f"{count} containers: starting netdata and Prometheus")
        os.mkdir(folder + "/peers")
        peers = Peers(count, folder + "/peers", sink.address, options.interval, options.netdata_every, cleanup)
    # What only the start needed is given back by then, and every container is past its first readings.
    time.sleep(max(10, 2 * options.interval))
    say(f"{count} containers: measuring {options.scrapes} scrapes")
    programs = [agent.process] + (peers.processes if peers else [])
    sink.begin()
    before = [one.cpu_seconds() for one in programs]
    resident = [[] for _ in programs]
    begin = time.monotonic()
    while (left := begin + options.scrapes * options.interval - time.monotonic()) > 0:
        time.sleep(min(left, options.interval / 2))
        for list_of, one in zip(resident, programs):
            list_of.append(one.memory("VmRSS"))
    cpu = [after.cpu_seconds() - earlier for after, earlier in zip(programs, before)]
    scrapes = (time.monotonic() - begin) / options.interval
    for one in programs:
        one.check()
    containers.check()
    memory = [statistics.median(list_of) for list_of in resident]
    requests, series = sink.taken(Agent.PATH), agent.series()
    taken = sum(1 for request in requests for _ in samples(request))
    if agent.containers(series) < count:
        fail(f"the agent shows {agent.containers(series)} of {count} containers at the end")
    result = {
        "containers": count, "scrapes": round(scrapes, 2), "start_seconds": round(start, 1),
        "cpu_ms_per_scrape": cpu[0] * 1000 / scrapes,
        "resident_bytes": memory[0], "resident_peak_bytes": agent.process.memory("VmHWM"),
        "bpf_bytes": agent.own(series, "martlet_bpf_memory_bytes"),
        "descriptors": agent.process.descriptors(), "series": len(series),
        "samples": taken, "bytes_per_sample": sum(len(request.body) for request in requests) / max(taken, 1),
    }
    if peers:
        theirs = sink.taken(Peers.PATH)
        result["peers"] = {
            "netdata_cpu_ms_per_scrape": cpu[1] * 1000 / scrapes, "netdata_resident_bytes": memory[1],
            "prometheus_cpu_ms_per_scrape": cpu[2] * 1000 / scrapes, "prometheus_resident_bytes": memory[2],
            "bytes_per_scrape": sum(len(request.body) for request in theirs) / scrapes,
        }
        result["cpu_ratio"] = (cpu[1] + cpu[2]) / max(cpu[0], 1e-9)
        result["memory_ratio"] = (memory[1] + memory[2]) / memory[0]
    cleanup.run()
    return result


def show(results):
    def row(name, value):
        return [name] + [value(result) for result in results]

    number = report.number
    rows = [
        row("agent: CPU per scrape, ms", lambda r: number(r["cpu_ms_per_scrape"])),
        row("  per container, µs", lambda r: number(r["cpu_ms_per_scrape"] * 1000 / r["containers"])),
        row("agent: resident, MB", lambda r: number(r["resident_bytes"] / 1e6)),
        row("  peak since its start, MB", lambda r: number(r["resident_peak_bytes"] / 1e6)),
        row("agent: BPF memory, MB", lambda r: number(r["bpf_bytes"] / 1e6)),
        row("agent: descriptors", lambda r: f"{r['descriptors']:,}"),
        row("  per container", lambda r: number(r["descriptors"] / r["containers"])),
        row("agent: series", lambda r: f"{r['series']:,}"),
        row("agent: bytes per sample", lambda r: number(r["bytes_per_sample"])),
        row("agent: start until all are sent, s", lambda r: number(r["start_seconds"])),
    ]
    if "peers" in results[0]:
        peers = [
            ("netdata: CPU per scrape, ms", "netdata_cpu_ms_per_scrape", 1),
            ("netdata: resident, MB", "netdata_resident_bytes", 1e6),
            ("Prometheus agent: CPU per scrape, ms", "prometheus_cpu_ms_per_scrape", 1),
            ("Prometheus agent: resident, MB", "prometheus_resident_bytes", 1e6),
        ]
        rows += [row(name, lambda r, key=key, by=by: number(r["peers"][key] / by)) for name, key, by in peers]
        rows.append(row("both: CPU against the agent", lambda r: number(r["cpu_ratio"]) + " ×"))
        rows.append(row("both: resident against the agent", lambda r: number(r["memory_ratio"]) + " ×"))
    return report.table(["containers"] + [f"{r['containers']:,}" for r in results], rows)


def plot(path, results, document):
    """CPU, memory, and cost per container, over the number of containers."""
    def lines(agent, peers=None):
        found = [report.Line("martlet-node", [(r["containers"], agent(r)) for r in results])]
        if peers and "peers" in results[0]:
            for name, key in (("netdata", "netdata"), ("Prometheus agent", "prometheus")):
                found.append(report.Line(name, [(r["containers"], peers(r["peers"], key)) for r in results]))
        return found

    panels = [
        report.Panel("CPU per scrape, ms", "ms", lines(
            lambda r: r["cpu_ms_per_scrape"], lambda p, key: p[key + "_cpu_ms_per_scrape"])),
        report.Panel("Resident memory, MB", "MB", lines(
            lambda r: r["resident_bytes"] / 1e6, lambda p, key: p[key + "_resident_bytes"] / 1e6)),
        report.Panel("CPU per scrape and container, µs", "µs", lines(
            lambda r: r["cpu_ms_per_scrape"] * 1000 / r["containers"])),
    ]
    note = (f"scrape interval {document['interval']} s, netdata every {document['netdata_every']} s; "
            + report.machine_note(document["machine"]))
    report.plot_lines(path, "Cost by number of containers", note, panels, "containers")


def verdict(results):
    """Lines about budgets that are not kept."""
    for r in results:
        n = r["containers"]
        checks = [
            ("CPU ms per scrape", r["cpu_ms_per_scrape"], CPU_MS_PER_1000 * max(n, 100) / 1000, False),
            ("resident MB", r["resident_bytes"] / 1e6, (RESIDENT_BYTES_FIXED + RESIDENT_BYTES_EACH * n) / 1e6, False),
            ("peak against steady", r["resident_peak_bytes"] / r["resident_bytes"], PEAK_RATIO, False),
            ("descriptors per container", (r["descriptors"] - 200) / n, DESCRIPTORS_EACH, False),
        ]
        if "peers" in r:
            checks += [
                ("CPU ratio", r["cpu_ratio"], CPU_RATIO, True), ("memory ratio", r["memory_ratio"], MEMORY_RATIO, True),
            ]
        for name, value, limit, at_least in checks:
            if value < limit if at_least else value > limit:
                yield (f"{n} containers: {name} is {report.number(value)}, "
                       f"{'less' if at_least else 'more'} than {report.number(limit)}")


def main():
    parser = argparse.ArgumentParser(prog="tools/density", add_help=False)
    parser.add_argument("--agent", required=True)
    parser.add_argument("--clang", required=True)
    parser.add_argument("--interval", type=float, default=15)
    parser.add_argument("--scrapes", type=float, default=8)
    parser.add_argument("--netdata-every", type=int, default=1)
    parser.add_argument("--no-peers", dest="peers", action="store_false")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--json")
    parser.add_argument("--svg")
    parser.add_argument("--markdown")
    parser.add_argument("counts", type=int, nargs="+")
    options = parser.parse_args()
    options.interval = int(options.interval) if options.interval == int(options.interval) else options.interval
    if not all(1 <= count <= 10_000 for count in options.counts):
        fail("the number of containers is from 1 to 10000")
    if options.interval <= 0 or options.scrapes < 1:
        fail("at least one scrape and an interval above 0 are needed")
    results = [measure(count, options) for count in options.counts]
    document = {
        "tool": "density", "machine": describe(), "interval": options.interval, "netdata_every": options.netdata_every,
        "connections_per_container": CONNECTIONS, "results": results,
    }
    markdown = show(results)
    if options.json:
        report.write_json(options.json, document)
    if options.svg:
        plot(options.svg, results, document)
    if options.markdown:
        with open(options.markdown, "w", encoding="utf-8") as file:
            file.write(markdown)
    misses = list(verdict(results))
    for line in misses:
        print(line, file=sys.stderr)
    if misses and options.check:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
