#!/usr/bin/env python3
"""Counts the units that are in include cycles. A unit is a header with its source: x.hpp and x.cpp.

    check_cycles.py [ROOT]        prints each cycle and the shares; exit code 1 above the bounds
    check_cycles.py --self-test   proves that cycles are found

A header that is both the facade of a room and its vocabulary puts every part of the room into one cycle: the parts include the words,
and the facade's source includes the parts. Move the words into a header of their own.
"""
import glob
import os
import re
import sys
import tempfile

sys.dont_write_bytecode = True
import rules  # noqa: E402

INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)
# Percent of all units. Only falls.
MOST = 8.0


def units(root):
    """{unit: the units that its header and source include}; a unit is named like "src/mesh/link"."""
    files = {}
    for folder in rules.MAY_INCLUDE:
        for path in glob.glob(os.path.join(root, folder, "*.[ch]pp")):
            with open(path, encoding="utf-8") as file:
                name = os.path.relpath(os.path.splitext(path)[0], root)
                files.setdefault(name, set()).update(os.path.splitext(each)[0] for each in INCLUDE.findall(file.read()))
    known = {name.removeprefix("src/"): name for name in files}
    return {name: {known[each] for each in includes if each in known} - {name} for name, includes in files.items()}


def cycles(graph):
    """The groups of units that reach each other (Tarjan), largest first."""
    index, low, stack, on_stack, found = {}, {}, [], set(), []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        on_stack.add(node)
        for other in sorted(graph[node]):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in on_stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            group = []
            while not group or group[-1] != node:
                group.append(stack.pop())
                on_stack.discard(group[-1])
            if len(group) > 1:
                found.append(sorted(group))

    sys.setrecursionlimit(10_000)
    for node in sorted(graph):
        if node not in index:
            visit(node)
    return sorted(found, key=len, reverse=True)


def share(graph, found):
    return 100 * sum(map(len, found)) / max(len(graph), 1)


def self_test():
    with tempfile.TemporaryDirectory() as root:
        for name, text in {"src/mesh/a.hpp": "", "src/mesh/a.cpp": '#include "mesh/b.hpp"\n', "src/mesh/b.hpp": '#include "mesh/a.hpp"\n',
                           "src/mesh/c.hpp": '#include "mesh/a.hpp"\n', "src/base/d.hpp": "#include <vector>\n"}.items():
            path = os.path.join(root, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        graph = units(root)
        assert cycles(graph) == [["src/mesh/a", "src/mesh/b"]], cycles(graph)
        assert share(graph, cycles(graph)) == 50, graph
    print("a cycle is found, and nothing else")
    return 0


def main():
    if "--self-test" in sys.argv:
        return self_test()
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    graph = units(root)
    found = cycles(graph)
    for group in found:
        print(f"{len(group):3}  {' '.join(group)}")
    percent = share(graph, found)
    print(f"{sum(map(len, found))} of {len(graph)} units are in include cycles: {percent:.1f} %, {MOST} % allowed")
    return 1 if percent > MOST else 0


if __name__ == "__main__":
    sys.exit(main())
