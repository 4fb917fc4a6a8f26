#!/usr/bin/env python3
"""What servers lose while the agent watches them: see tools/overhead."""
import argparse
import json
import shutil
import statistics
import subprocess
import tempfile
import time
import urllib.request

import report
import shares
from machine import Cleanup, Process, describe, fail, free_port, say
from servers import CLIENTS, Servers
from sink import Sink


FIXED_RATE = 10_000


class Agent:
    """The release agent, pushing, and ready."""

    def __init__(self, program, folder, sink, interval, cleanup):
        port = self.port = free_port()
        self.process = Process(
            [program, "--metrics-endpoint", f"http://{sink.address}/agent", "--listen", f"127.0.0.1:{port}",
             "--scrape-interval", f"{interval}s", "--min-container-age=0s", "--wal-dir", folder + "/spool",
             # The servers have any free port: both ends count, although clients use such ports too.
             "--ephemeral-port-range=1-1"],
            cleanup, folder + "/agent.log")
        for _ in range(300):
            self.process.check()
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        else:
            fail("the agent did not become ready within 30 seconds")
        # The first look at what runs already is not part of it, nor the ten seconds in which connections may have begun before
        # their translations were listened to, and each is asked for.
        time.sleep(11)

    def lost(self):
        """Events that the kernel could not hand over, so far."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as page:
            lines = page.read().decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith("martlet_events_lost_total{"))


def turn(servers, agent):
    """The rate of each workload, and the agent's share of one CPU meanwhile."""
    rates, shares = {}, {}
    for name, run in servers.workloads.items():
        before, begin = (agent.process.cpu_seconds() if agent else 0), time.monotonic()
        rates[name] = run()
        if agent:
            agent.process.check()
            shares[name] = (agent.process.cpu_seconds() - before) / (time.monotonic() - begin)
    return rates, shares


def fixed(servers, agent):
    """Latencies at a fixed rate, and the agent's share of one CPU meanwhile."""
    before, begin = (agent.process.cpu_seconds() if agent else 0), time.monotonic()
    figures = servers.at_rate(FIXED_RATE)
    if agent:
        figures["agent_cpu"] = (agent.process.cpu_seconds() - before) / (time.monotonic() - begin)
    return figures


def program_times(servers):
    """What each BPF program took per run while nginx was under load: the kernel's own account, which is switched on for it."""
    switch = "/proc/sys/kernel/bpf_stats_enabled"
    with open(switch, encoding="ascii") as file:
        old = file.read()
    try:
        with open(switch, "w", encoding="ascii") as file:
            file.write("1")
        requests = servers.wrk([]) * servers.seconds
        shown = json.loads(subprocess.run(["bpftool", "-j", "prog", "show"], capture_output=True, check=True).stdout)
    finally:
        with open(switch, "w", encoding="ascii") as file:
            file.write(old)
    used = [(p["name"], p["run_cnt"], p["run_time_ns"]) for p in shown if p.get("run_cnt") and p.get("name")]
    return [{"program": name, "runs_per_request": runs / requests, "ns_per_run": time_ns / runs} for name, runs, time_ns in
            sorted(used, key=lambda row: -row[2]) if runs >= requests / 100]


def program_shares(servers, folder):
    """What programs in the kernel take of the busy time under each workload, where perf is there to tell."""
    if not shares.available():
        say("no perf: shares of busy time are left out")
        return []
    found = []
    for name, run in servers.workloads.items():
        part, samples = shares.share(run, servers.seconds, folder + "/perf.data")
        found.append({"workload": name, "share": part, "samples": samples})
    return found


def spread(values):
    return {"median": statistics.median(values), "low": min(values), "high": max(values), "values": values}


def measure(options, cleanup):
    folder = tempfile.mkdtemp(prefix="martlet-overhead-")
    cleanup.add(lambda: shutil.rmtree(folder, ignore_errors=True))
    sink = Sink(cleanup)
    say("starting nginx, Redis and PostgreSQL")
    servers = Servers(folder, options.seconds, cleanup)
    if options.only:
        servers.workloads = {name: run for name, run in servers.workloads.items() if options.only in name}
        if not servers.workloads:
            fail(f"no workload has {options.only!r} in its name")
    turn(servers, None)
    without, with_agent, shares = [turn(servers, None)[0]], [], []
    calm, watched, lost, programs, parts = [], [], [], [], []
    if not options.only:
        calm.append(fixed(servers, None))
    for number in range(1, options.rounds + 1):
        say(f"round {number} of {options.rounds}")
        agent = Agent(options.agent, folder, sink, options.interval, cleanup)
        rates, used = turn(servers, agent)
        if not options.only:
            watched.append(fixed(servers, agent))
        lost.append(agent.lost())
        if number == options.rounds:
            parts = program_shares(servers, folder)
            if not options.only:
                programs = program_times(servers)
        agent.process.stop()
        sink.begin()
        with_agent.append(rates)
        shares.append(used)
        without.append(turn(servers, None)[0])
        if not options.only:
            calm.append(fixed(servers, None))
    results = []
    for name in servers.workloads:
        # Against the mean of the runs just before and just after: what drifts falls out.
        ratios = [with_agent[at][name] * 2 / (without[at][name] + without[at + 1][name]) for at in range(options.rounds)]
        # How far runs without the agent are from one another says what a ratio is worth.
        noise = [without[at + 1][name] / without[at][name] for at in range(options.rounds)]
        results.append({
            "workload": name, "ratio": spread(ratios), "noise": spread(noise),
            "rate_without": spread([rates[name] for rates in without]),
            "rate_with": spread([rates[name] for rates in with_agent]),
            "agent_cpu": spread([used[name] for used in shares]),
        })
    if options.only:
        return results, None, sum(lost), programs, parts
    at_rate = {
        "rate": FIXED_RATE,
        "p50": spread([watched[at]["p50"] * 2 / (calm[at]["p50"] + calm[at + 1]["p50"]) for at in range(options.rounds)]),
        "p99": spread([watched[at]["p99"] * 2 / (calm[at]["p99"] + calm[at + 1]["p99"]) for at in range(options.rounds)]),
        "p99_noise": spread([calm[at + 1]["p99"] / calm[at]["p99"] for at in range(options.rounds)]),
        "p99_without": spread([figures["p99"] for figures in calm]),
        "agent_cpu": spread([figures["agent_cpu"] for figures in watched]),
    }
    return results, at_rate, sum(lost), programs, parts


def show_rest(at_rate, lost, programs, parts):
    """Latency at a fixed rate, losses, shares of busy time, and the times of programs."""
    def ratio(values):
        return f"{values['median']:.3f} ({values['low']:.3f}–{values['high']:.3f})"

    text = f"Events lost: {lost:.0f}.\n"
    if at_rate:
        text = (f"At {at_rate['rate']:,} requests a second to nginx: median latency × {ratio(at_rate['p50'])}, 99th percentile × "
                f"{ratio(at_rate['p99'])} (without twice: {ratio(at_rate['p99_noise'])}), the agent takes "
                f"{100 * at_rate['agent_cpu']['median']:.1f} % of a CPU.\n") + text
    print(text)
    if parts:
        text += "\n" + report.table(
            ["workload", "programs in the kernel, % of busy time", "samples"],
            [[part["workload"], f"{100 * part['share']:.2f}", f"{part['samples']:,}"] for part in parts])
    if not programs:
        return text
    return text + "\n" + report.table(
        ["program, under load of nginx", "runs per request", "ns per run"],
        [[p["program"], f"{p['runs_per_request']:.2f}", f"{p['ns_per_run']:.0f}"] for p in programs])


def show(results):
    def ratio(values):
        return [f"{values['median']:.3f}", f"{values['low']:.3f}–{values['high']:.3f}"]

    return report.table(
        ["workload", "kept", "from–to", "without twice", "from–to", "per second without", "agent, % of a CPU"],
        [[r["workload"], *ratio(r["ratio"]), *ratio(r["noise"]), f"{r['rate_without']['median']:,.0f}",
          f"{100 * r['agent_cpu']['median']:.1f}"] for r in results])


def main():
    parser = argparse.ArgumentParser(prog="tools/overhead", add_help=False)
    parser.add_argument("--agent", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--interval", type=int, default=5)
    parser.add_argument("--only")
    parser.add_argument("--json")
    parser.add_argument("--svg")
    parser.add_argument("--markdown")
    options = parser.parse_args()
    if options.rounds < 1 or options.seconds < 1 or options.interval < 1:
        fail("rounds, seconds and interval are whole numbers from 1 on")
    cleanup = Cleanup()
    results, at_rate, lost, programs, parts = measure(options, cleanup)
    cleanup.run()
    markdown = show(results) + "\n" + show_rest(at_rate, lost, programs, parts)
    document = {
        "tool": "overhead", "machine": describe(), "rounds": options.rounds, "seconds": options.seconds,
        "interval": options.interval, "clients": CLIENTS, "results": results,
        "at_rate": at_rate, "lost": lost, "programs": programs, "shares": parts,
    }
    if options.json:
        report.write_json(options.json, document)
    if options.svg:
        bars = [report.Bar(r["workload"], r["ratio"]["median"], r["ratio"]["low"], r["ratio"]["high"],
                           "{median:.3f} ({low:.3f}–{high:.3f})".format(**r["ratio"])) for r in results]
        note = f"{options.rounds} rounds, thin line: lowest to highest; " + report.machine_note(document["machine"])
        report.plot_bars(options.svg, "Throughput kept with the agent", note, bars, "", 1, "without")
    if options.markdown:
        with open(options.markdown, "w", encoding="utf-8") as file:
            file.write(markdown)


if __name__ == "__main__":
    main()
