#!/usr/bin/env python3
"""Measures what an idle machine costs: wake-ups per second and percent of a core.

It watches three machines: a node that follows a channel and has its release, the seeder of that one release, and a seeder of many.
"""
import argparse
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "support"))
import idleness  # noqa: E402
from fleet import Fleet  # noqa: E402


def make_model(directory, number):
    os.makedirs(directory)
    for name, size in (("vocab.txt", 100_000), ("config.json", 500)):
        with open(os.path.join(directory, name), "w", encoding="ascii") as file:
            file.write(f"{number:04x}" * (size // 4))
    return directory


def publish(fleet, member, numbers):
    for number in numbers:
        fleet.publish(member, make_model(fleet.path("models", str(number)), number), f"acme/model{number}", "1.0")


def watch(name, process, seconds):
    before = idleness.wakeups_by_thread(process.pid)
    watched = idleness.Watch(process.pid)
    time.sleep(seconds)
    rates, connections, took = watched.look()
    after = idleness.wakeups_by_thread(process.pid)
    wakes, cpu = rates[process.pid]
    busiest = sorted(((after[task] - before.get(task, 0)) / took for task in after), reverse=True)[:6]
    return {"machine": name, "wakeups_per_second": round(wakes, 1), "cpu_percent": round(cpu, 3), "connections": connections,
            "seconds": round(took), "wakeups_by_thread": [round(each, 1) for each in busiest if each > 0]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shoal", help="the binary; default: the newest build of this checkout")
    parser.add_argument("--releases", type=int, default=1000, help="releases of the second seeder; 0: leave it out")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--settle", type=float, default=75, help="seconds before the first look: libtorrent forgets idle torrents after 60")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = []
    with Fleet(shoal=options.shoal) as fleet:
        fleet.init()
        fleet.start_tracker()
        source, many, member = fleet.join("source", role="seeder"), fleet.join("many", role="seeder"), fleet.join("node")
        publish(fleet, source, [0])
        node = fleet.start_node(member, "--follow", "acme/model0")
        seeder = fleet.start_seeder(source)
        node.wait_event("activated", 60)
        watched = [("node with one release", node), ("seeder of one release", seeder)]
        if options.releases:
            publish(fleet, many, range(1, options.releases + 1))
            crowd = fleet.start("seed-many", "seed", "--state", many.state, "--listen", "127.0.0.1:0")
            crowd.wait_event("seeding", 600)
            watched.append((f"seeder of {options.releases} releases", crowd))
        time.sleep(options.settle)
        for name, process in watched:
            results.append(watch(name, process, options.seconds))
            if not options.json:
                print(json.dumps(results[-1]), flush=True)
    if options.json:
        print(json.dumps({"results": results}))


if __name__ == "__main__":
    main()
