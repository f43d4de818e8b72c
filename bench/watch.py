#!/usr/bin/env python3
"""Measures what one look of `shoal seed --watch` at a large tree costs: seconds and memory.

The trees hold nearly empty files that no rule completes, so nothing is hashed: it measures names and metadata alone.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "support"))
from fleet import Fleet  # noqa: E402


def make_tree(root, directories, files):
    for number in range(directories):
        directory = os.path.join(root, "acme", "model", f"v{number}")
        os.makedirs(directory)
        for file in range(files):
            os.close(os.open(os.path.join(directory, f"part-{file:06}"), os.O_CREAT | os.O_WRONLY))


def measure(fleet, source, root, looks):
    """(median seconds of a look, resident bytes) of a seeder that watches `root`."""
    seeder = fleet.start("seed", "seed", "--state", source.state, "--listen", "127.0.0.1:0", "--log-level", "debug", "--watch",
                         root + "/{org}/{name}/{version} complete=marker:DONE", "--watch-poll", "100ms")
    seeder.wait_event("seeding", 60)
    deadline = time.monotonic() + 300
    while True:
        with open(seeder.log_path, encoding="utf-8") as log:
            times = [int(match[1]) / 1e6 for match in re.finditer(r"scanned.*?microseconds\W+(\d+)", log.read())]
        if len(times) >= looks:
            break
        if time.monotonic() > deadline:
            raise SystemExit(f"only {len(times)} looks within 5 minutes; see {seeder.log_path}")
        time.sleep(0.2)
    with open(f"/proc/{seeder.pid}/statm", encoding="ascii") as statm:
        resident = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    seeder.stop()
    return sorted(times)[len(times) // 2], resident


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--looks", type=int, default=5)
    parser.add_argument("--millions", action="store_true", help="also a million files in one directory, more than a release may have")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--dir", help="directory for the trees; default: a temporary directory")
    options = parser.parse_args()
    cases = [("1 000 files", 10, 100), ("100 000 files", 100, 1000)]
    if options.millions:
        cases += [("1 000 000 files in one directory", 1, 1_000_000)]
    results = []
    with Fleet() as fleet:
        fleet.init()
        fleet.start_tracker()
        source = fleet.join("source", role="seeder")
        shutil.copy(fleet.path("keys", "publisher.key"), os.path.join(source.state, "publisher.key"))
        for name, directories, files in cases:
            with tempfile.TemporaryDirectory(dir=options.dir) as root:
                make_tree(root, directories, files)
                subprocess.run(["sync", "-f", root], check=False)
                seconds, resident = measure(fleet, source, root, options.looks)
            results.append({"tree": name, "directories": directories, "seconds": round(seconds, 4), "resident_mb": resident // 1_000_000})
            if not options.json:
                print(f"{name}: {seconds:.3f} s a look, {resident // 1_000_000} MB", flush=True)
    if options.json:
        print(json.dumps({"looks": options.looks, "results": results}))


if __name__ == "__main__":
    main()
