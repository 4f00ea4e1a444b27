#!/usr/bin/env python3
"""Which source files use each other in circles, by the symbols of their objects.

    python3 test/circles.py FILE.o...     (make circles)

Headers say what a file may use (test/walls.sh), objects what it does use. Of two
files one may know the other; of two folders, too. One "ok" or "not ok" line for
each; a circle is shown as its calls: who uses whom, for the sake of which symbol.
"""

import os
import subprocess
import sys


def symbols(path):
    """The symbols that an object defines, and those that it needs."""
    defined, needed = set(), set()
    listing = subprocess.run(["nm", "-g", path], check=True, capture_output=True, text=True)
    for line in listing.stdout.splitlines():
        kind, name = line.split()[-2:]
        (needed if kind in "Uvw" else defined).add(name)
    return defined, needed


def file_of(path):
    return os.path.splitext(path)[0] + ".c"


def folder_of(path):
    return os.path.dirname(path) or file_of(path)


def uses(paths, name_of):
    """{user: {used: symbol}} between what name_of makes of the paths."""
    tables = {path: symbols(path) for path in paths}
    home = {symbol: path for path, (defined, _) in tables.items() for symbol in defined}
    graph = {name_of(path): {} for path in paths}
    for path, (_, needed) in sorted(tables.items()):
        for symbol in sorted(needed & home.keys()):
            user, used = name_of(path), name_of(home[symbol])
            if user != used:
                graph[user].setdefault(used, symbol)
    return graph


def reachable(graph, start):
    found, ahead = set(), [start]
    while ahead:
        for name in graph[ahead.pop()]:
            if name not in found:
                found.add(name)
                ahead.append(name)
    return found


def circles(graph):
    """The calls that are part of a circle: from each of them a way leads back."""
    beyond = {name: reachable(graph, name) for name in graph}
    return [f"{user} -> {used} ({symbol})"
            for user in sorted(graph)
            for used, symbol in sorted(graph[user].items())
            if user in beyond[used]]


def main(paths):
    if not paths:
        sys.exit(__doc__)
    failed = False
    for what, name_of in (("files", file_of), ("folders", folder_of)):
        graph = uses(paths, name_of)
        found = circles(graph)
        failed = failed or bool(found)
        print(f"{'not ok' if found else 'ok'} - no circle among {len(graph)} {what}")
        for call in found:
            print(f"#   {call}")
    sys.exit(failed)


if __name__ == "__main__":
    main(sys.argv[1:])
