#!/usr/bin/env python3
"""What servers lose while the agent watches them: see tools/overhead."""
import argparse
import shutil
import statistics
import tempfile
import time
import urllib.request

import report
from machine import Cleanup, Process, describe, fail, free_port, say
from servers import CLIENTS, Servers
from sink import Sink


class Agent:
    """The release agent, pushing, and ready."""

    def __init__(self, program, folder, sink, interval, cleanup):
        port = free_port()
        self.process = Process(
            [program, "--metrics-endpoint", f"http://{sink.address}/agent", "--listen", f"127.0.0.1:{port}",
             "--scrape-interval", f"{interval}s", "--min-container-age=0s", "--wal-dir", folder + "/spool"],
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
        # The first look at what runs already is not part of it.
        time.sleep(2)


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


def spread(values):
    return {"median": statistics.median(values), "low": min(values), "high": max(values), "values": values}


def measure(options, cleanup):
    folder = tempfile.mkdtemp(prefix="martlet-overhead-")
    cleanup.add(lambda: shutil.rmtree(folder, ignore_errors=True))
    sink = Sink(cleanup)
    say("starting nginx, Redis and PostgreSQL")
    servers = Servers(folder, options.seconds, cleanup)
    turn(servers, None)
    without, with_agent, shares = [turn(servers, None)[0]], [], []
    for number in range(1, options.rounds + 1):
        say(f"round {number} of {options.rounds}")
        agent = Agent(options.agent, folder, sink, options.interval, cleanup)
        rates, used = turn(servers, agent)
        agent.process.stop()
        sink.begin()
        with_agent.append(rates)
        shares.append(used)
        without.append(turn(servers, None)[0])
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
    return results


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
    parser.add_argument("--json")
    parser.add_argument("--svg")
    parser.add_argument("--markdown")
    options = parser.parse_args()
    if options.rounds < 1 or options.seconds < 1 or options.interval < 1:
        fail("rounds, seconds and interval are whole numbers from 1 on")
    cleanup = Cleanup()
    results = measure(options, cleanup)
    cleanup.run()
    markdown = show(results)
    document = {
        "tool": "overhead", "machine": describe(), "rounds": options.rounds, "seconds": options.seconds,
        "interval": options.interval, "clients": CLIENTS, "results": results,
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
