#!/usr/bin/env python3
"""Writes the table of features by kernel into a document: table.py SUMMARIES DOCUMENT."""
import os
import re
import sys

folder, document = sys.argv[1:]
columns, features, facts = [], {}, {"Release": [], "Metric families": [], "Values checked": [], "Kernel tests passed": []}
for name in sorted(os.listdir(folder), key=lambda name: [int(part) for part in re.findall(r"\d+", name)]):
    version = name.removesuffix(".txt")
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        lines = file.read().splitlines()
    columns.append(version)
    for line in lines:
        if line.startswith("feature "):
            _, feature, state = line.split()
            features.setdefault(feature, {})[version] = state
    facts["Release"].append(next(line.split()[1] for line in lines if line.startswith("kernel ")))
    facts["Metric families"].append(str(sum(line.startswith("family ") for line in lines)))
    facts["Values checked"].append(str(sum(line.startswith("value ") for line in lines)))
    facts["Kernel tests passed"].append(
        next((line.split()[1] for line in lines if line.startswith("tests ")), "not run"))

table = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
table += [f"| {name} | " + " | ".join(values) + " |" for name, values in facts.items()]
table += [
    f"| `{feature}` | " + " | ".join(states.get(version, "–") for version in columns) + " |"
    for feature, states in sorted(features.items())
]
with open(document, encoding="utf-8") as file:
    text = file.read()
begin, end = "<!-- tools/kernels --table -->\n", "<!-- end -->"
head, rest = text.split(begin, 1)
tail = rest.split(end, 1)[1]
with open(document, "w", encoding="utf-8") as file:
    file.write(head + begin + "\n".join(table) + "\n" + end + tail)
print("\n".join(table))
