#!/usr/bin/env python3
"""Compares what a guest reported with what was done there, and with the expected summary.

usage: verdict.py VERSION RESULTS EXPECTED SECONDS

Writes RESULTS/summary.txt (no volatile values) and RESULTS/verdict.txt; prints the verdict. Ends with 1 if anything is wrong.
"""
import os
import re
import sys

version, results, golden, seconds = sys.argv[1:]
failures = []


def read(name):
    try:
        with open(os.path.join(results, name), encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def samples(page):
    """(name, labels, value) of every line of a page."""
    found = []
    for line in page.splitlines():
        match = re.fullmatch(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)", line)
        if match and not line.startswith("#"):
            labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or ""))
            found.append((match[1], labels, float(match[3])))
        elif line and not line.startswith("#"):
            failures.append(f"the page has a line that is no sample: {line[:200]}")
    return found


failures += read("failures.txt").splitlines()
page = samples(read("page.txt"))
if not page:
    failures.append("the agent gave no page: " + (read("agent.log").strip().splitlines() or ["no log"])[-1])
if read("check.status").strip() != "0":
    failures.append("martlet-node check failed: " + (read("check.txt").strip().splitlines() or ["no output"])[-1])
if page and read("agent.status").strip() != "0":
    failures.append(f"the agent ended with {read('agent.status').strip() or 'no status'}")
for line in read("scenario.log").splitlines():
    if "workload:" in line or "not within its time" in line:
        failures.append(f"scenario: {line}")

checks = 0
summary = [f"kernel {read('release').strip()}"]
for line in read("expected.txt").splitlines():
    name, labels, operator, wanted = line.split("|")
    pairs = dict(pair.split("=", 1) for pair in labels.split(",") if pair)
    values = [value for other, own, value in page if other == name and pairs.items() <= own.items()]
    value, target = sum(values), float(wanted)
    right = bool(values) and {"=": value == target, ">=": value >= target, ">": value > target}[operator]
    checks += 1
    summary.append(f"value {name}{{{labels}}} {operator} {wanted}")
    if not right:
        failures.append(f"{name}{{{labels}}} is {value:g}" if values else f"{name}{{{labels}}} is not there")
        failures[-1] += f", not {operator} {wanted}"
if not checks:
    failures.append("the guest checked nothing")

# One line a field: all threads have the same.
summary += [f"thread {line}" for line in read("status.txt").splitlines()]
features = sorted((labels["feature"], value) for name, labels, value in page if name == "martlet_feature_enabled")
summary += [f"feature {name} {'yes' if value else 'no'}" for name, value in features]
# Whether a segment is sent twice is chance.
families = sorted({name for name, _, _ in page} - {"container_net_tcp_retransmits_total"})
summary += [f"family {name}" for name in families]

tests = ""
if read("tests.status"):
    log = re.sub(r"\x1b\[[0-9;]*m", "", read("tests.log"))
    lines = [line for line in log.splitlines() if re.match(r"\S+ Test (?!run |case )", line)]
    passed = sum(" passed after" in line for line in lines)
    failed = [line for line in lines if " failed after" in line]
    skipped = sum(" skipped" in line for line in lines)
    tests = f", kernel tests: {passed} passed, {len(failed)} failed, {skipped} skipped"
    summary.append(f"tests {passed} passed")
    if read("tests.status").strip() != "0" or failed or not passed:
        failures.append(f"kernel tests ended with {read('tests.status').strip()}{tests}")
        failures += [line.strip() for line in log.splitlines() if " failed after" in line or "recorded an issue" in line]

with open(os.path.join(results, "summary.txt"), "w", encoding="utf-8") as file:
    file.write("\n".join(summary) + "\n")

# What was there must be there; what is new is told.
new = []
try:
    with open(golden, encoding="utf-8") as file:
        known = [line for line in file.read().splitlines() if not line.startswith(("kernel ", "tests "))]
    for line in known:
        if line not in summary and not line.startswith("value "):
            failures.append(f"no longer there: {line}")
    new = [line for line in summary if line not in known and line.startswith(("feature ", "family ", "thread "))]
except OSError:
    new = ["no expected summary yet"]

verdict = f"Linux {version}: {'failed' if failures else 'passed'}: {checks} values checked, {len(families)} families"
verdict += f", {sum(value > 0 for _, value in features)} of {len(features)} features{tests}, {seconds} s"
text = [f"  {failure}" for failure in failures]
if new:
    text.append(f"  new since docs/kernels/{version}.txt (tools/kernels --accept): {len(new)}")
text.append(verdict)
with open(os.path.join(results, "verdict.txt"), "w", encoding="utf-8") as file:
    file.write("\n".join(text) + "\n")
print("\n".join(text))
sys.exit(1 if failures else 0)
