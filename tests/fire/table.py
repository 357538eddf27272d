#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""table.py FILE : tried, how often, on which kernels, found; in Markdown.

A line of FILE is one kind of attempt in one place: place, what, how many, unit, found,
by tabs."""
import sys


def main():
    rows = {}
    with open(sys.argv[1]) as f:
        for line in f:
            place, what, count, unit, found = line.rstrip("\n").split("\t")
            row = rows.setdefault((what, unit), ([], [], []))
            row[0].append(int(count))
            if place not in row[1]:
                row[1].append(place)
            if found != "nothing" and found not in row[2]:
                row[2].append(found)
    print("| tried | how often | where | found |\n|---|---:|---|---|")
    for (what, unit), (counts, places, found) in rows.items():
        print(f"| {what} | {sum(counts):,} {unit} | {', '.join(places)} | "
              f"{'; '.join(found) or 'nothing'} |")


if __name__ == "__main__":
    main()
