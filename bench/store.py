#!/usr/bin/env python3
"""Measures what the store costs and saves, each figure beside its yardstick. One run, one object with --json.

  publish   `shoal publish` of a checkpoint in the page cache, beside `openssl speed` of the hashes that a release holds, on all cores:
            for each byte SHA-256 twice, of its piece and of its file, and SHA-1 once, of its piece
  second    a second version with 1 % of its pieces changed: bytes that crossed the network, as a share of its size
  reads     bytes that the seeder read while many nodes fetched one checkpoint, as a multiple of it (rchar of /proc/PID/io, which counts
            what it reads from its peers as well)
Memory is the peak of the resident set (VmHWM; of `publish`, what wait4 reports).
"""
import argparse
import json
import os
import re
import resource
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "support"))
from fleet import Fleet, signed_release  # noqa: E402
from link import MB, make_checkpoint, peak_memory  # noqa: E402


def hash_speed(name):
    """Bytes per second of all cores together, over buffers of 16 KiB."""
    cores = str(os.cpu_count())
    done = subprocess.run(["openssl", "speed", "-multi", cores, "-seconds", "2", "-bytes", "16384", "-evp", name], check=True, capture_output=True, text=True)
    return float(re.findall(r"([\d.]+)k\s*$", done.stdout.strip())[-1]) * 1000


def size_of(directory):
    return sum(os.path.getsize(os.path.join(directory, name)) for name in os.listdir(directory))


def measure_publish(fleet, machine, source):
    started = time.monotonic()
    release = fleet.publish(machine, source, "bench/store", "1", channel="main")["release"]
    speed = size_of(source) / (time.monotonic() - started)
    peak = 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss  # no larger child has ended yet
    sha256, sha1 = hash_speed("sha256"), hash_speed("sha1")
    allowed = 1 / (2 / sha256 + 1 / sha1)
    return {"release": release, "mb_per_second": round(speed / MB, 1), "openssl_mb_per_second": round(allowed / MB, 1), "ratio_to_openssl": round(speed / allowed, 3),
            "peak_bytes": peak, "sha256_mb_per_second": round(sha256 / MB, 1), "sha1_mb_per_second": round(sha1 / MB, 1)}


def read_so_far(pid):
    with open(f"/proc/{pid}/io", encoding="ascii") as io:
        return int(re.search(r"rchar: (\d+)", io.read())[1])


def measure_reads(fleet, seeder, source, count):
    nodes = [fleet.join(f"node-{number}") for number in range(count)]
    before = read_so_far(seeder.pid)
    pulls = [fleet.pull(node, "bench/store:main", seed_for="600s") for node in nodes]
    for pull in pulls:
        pull.complete(900)
    read = read_so_far(seeder.pid) - before
    result = {"nodes": count, "copies_read": round(read / size_of(source), 3), "node_peak_bytes": max(peak_memory(pull.pid) for pull in pulls),
              "seeder_peak_bytes": peak_memory(seeder.pid)}
    for pull in pulls:
        pull.stop()
    return nodes[0], result


def change_one_percent(source, piece):
    """A few bytes in every hundredth piece, over all files. How many pieces."""
    changed = 0
    for name in sorted(os.listdir(source)):
        path = os.path.join(source, name)
        with open(path, "r+b") as file:
            for at in range(50 * piece, os.path.getsize(path), 100 * piece):
                file.seek(at)
                file.write(b"changed")
                changed += 1
    return changed


def measure_second(fleet, machine, node, release, source):
    piece = signed_release(node.state, release)["swarm"]["piece_length"]
    changed = change_one_percent(source, piece)
    fleet.publish(machine, source, "bench/store", "2", channel="main")
    fleet.start_seeder(machine)
    pull = fleet.pull(node, "bench/store:main", seed_for="600s")
    done = pull.complete(300)
    peak = peak_memory(pull.pid)
    pull.stop()
    network = done["bytes_from_source"] + done["bytes_from_peers"]
    return {"size_bytes": size_of(source), "network_bytes": network, "reused_bytes": done["bytes_reused"],
            "network_share": round(network / size_of(source), 4), "changed_share": round(changed * piece / size_of(source), 4), "node_peak_bytes": peak}


def measure(fleet, options):
    source = fleet.path("checkpoint")
    make_checkpoint(source, options.size_mb)
    fleet.init()
    fleet.start_tracker()
    machine = fleet.join("source", role="seeder")
    result = {"type": "store", "size_bytes": size_of(source), "publish": measure_publish(fleet, machine, source)}
    seeder = fleet.start_seeder(machine)
    node, result["reads"] = measure_reads(fleet, seeder, source, options.nodes)
    seeder.stop()
    result["second"] = measure_second(fleet, machine, node, result["publish"]["release"], source)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shoal", default=None, help="the binary; default: $SHOAL or the newest build")
    parser.add_argument("--size-mb", type=int, default=1000)
    parser.add_argument("--nodes", type=int, default=12)
    parser.add_argument("--json", action="store_true", help="one object on stdout")
    options = parser.parse_args()
    with Fleet(shoal=options.shoal) as fleet:
        result = measure(fleet, options)
    if options.json:
        print(json.dumps(result))
        return
    publish, reads, second = result["publish"], result["reads"], result["second"]
    print(f"publish {publish['mb_per_second']} MB/s, {publish['ratio_to_openssl']} of what openssl's hashes allow; peak memory {publish['peak_bytes'] / MB:.0f} MB")
    print(f"{reads['nodes']} nodes: the source read {reads['copies_read']} copies; peak memory node {reads['node_peak_bytes'] / MB:.0f} MB, "
          f"seeder {reads['seeder_peak_bytes'] / MB:.0f} MB")
    print(f"second version, {100 * second['changed_share']:.2f} % changed: {100 * second['network_share']:.2f} % of its size crossed the network, "
          f"{second['reused_bytes'] / MB:.0f} MB were reused; peak memory {second['node_peak_bytes'] / MB:.0f} MB")


if __name__ == "__main__":
    main()
