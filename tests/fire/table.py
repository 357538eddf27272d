#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""table.py FILE : tried, how often, on which kernels, found; in Markdown.

A line of FILE is one kind of attempt in one place: place, what, how many, unit, found,
by tabs. A place that is a guest has a "-" in its name; what was tried in each guest
was in "all"."""
import sys


class Row:
    def __init__(self):
        self.counts, self.places, self.found = {}, [], []

    def add(self, place, count, unit, found):
        self.counts[unit] = self.counts.get(unit, 0) + int(count)
        if place not in self.places:
            self.places.append(place)
        if found != "nothing" and found not in self.found:
            self.found.append(found)

    def line(self, what, guests):
        counts = ", ".join(f"{n:,} {unit}" for unit, n in self.counts.items())
        where = "all" if guests == set(self.places) else ", ".join(self.places)
        return f"| {what} | {counts} | {where} | {'; '.join(self.found) or 'nothing'} |"


def main():
    rows, guests = {}, {}
    with open(sys.argv[1]) as f:
        for line in f:
            place, what, count, unit, found = line.rstrip("\n").split("\t")
            rows.setdefault(what, Row()).add(place, count, unit, found)
            if "-" in place:
                guests[place] = True
    print(f"| tried | how often | where (all: {', '.join(guests)}) | found |\n|---|---|---|---|")
    for what, row in rows.items():
        print(row.line(what, set(guests)))


if __name__ == "__main__":
    main()
