#!/usr/bin/env python3
"""Takes the benchmarks' JSON from standard input and writes it with the machine, or as a plot: see tools/bench."""
import argparse
import json
import os
import sys

import report
from machine import describe, fail, read


def limits(folder, scenario):
    """The thresholds of a scenario by the name of the figure."""
    words = read(f"{folder}/{scenario}.json")
    return json.loads(words) if words else {}


def bars(results, folder):
    """Figures that have a threshold: ratios and counts stay true on another machine. 1 is the limit itself."""
    found = []
    for scenario, figures in results.items():
        for name, limit in limits(folder, scenario).items():
            figure = figures.get(name)
            if figure is None:
                continue
            kind, bound = ("at most", limit["maximum"]) if "maximum" in limit else ("at least", limit["minimum"])
            value, unit = figure["value"], " " + figure["unit"] if figure["unit"] else ""
            # A limit of 0 has no scale: kept, or not.
            share = value / bound if bound else float(value > 0)
            label = f"{scenario}: {name.replace('_', ' ')}"
            found.append(report.Bar(label, share, note=f"{report.number(value)}{unit} ({kind} {bound:g})"))
    return found


def main():
    parser = argparse.ArgumentParser(prog="tools/bench", add_help=False)
    parser.add_argument("--thresholds", required=True)
    parser.add_argument("--json")
    parser.add_argument("--svg")
    options = parser.parse_args()
    words = sys.stdin.read()
    try:
        results = json.loads(words)
    except ValueError:
        fail("the benchmarks gave no figures")
    machine = describe()
    if options.json:
        toolchain = os.path.basename(options.thresholds)
        report.write_json(options.json, {"tool": "bench", "machine": machine, "swift": toolchain, "results": results})
    if options.svg:
        found = bars(results, options.thresholds)
        if not found:
            fail("no figure of these scenarios has a threshold to be drawn")
        report.plot_bars(
            options.svg, "Benchmarks against their thresholds", report.machine_note(machine), found, " ×", 1, "threshold",
            left=430)


if __name__ == "__main__":
    main()
