#!/usr/bin/env python3
"""Simulates a release day at the tracker: many members request one large metainfo at once, and honour Retry-After, as nodes do.

    bench/rush.py [--members 10000] [--certificates 200] [--size-mb 20] [--within 60] [--processes 4] [--json]

Members share certificates, since making ten thousand takes longer than the rush. Prints the time until all were served, the number of
503 answers, the tracker's memory, and how long another member waited for its status meanwhile. Runs on loopback, where the members take
as much processor time as the tracker.
"""
import argparse
import asyncio
import json
import multiprocessing
import os
import random
import resource
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "support"))
import member_http  # noqa: E402
from fleet import Fleet  # noqa: E402


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, value in (("members", 10000), ("certificates", 200), ("size-mb", 20), ("within", 60), ("processes", 4)):
        parser.add_argument("--" + name, type=int, default=value)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


async def read_answer(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
    left = int(fields["content-length"])
    total = left
    while left:
        data = await reader.read(min(left, 1 << 20))
        if not data:
            raise ConnectionError("cut off")
        left -= len(data)
    return int(head.split()[1]), int(fields.get("retry-after", 0)), total


async def member(context, port, path, size, start, source, counts):
    """One machine: retries until it has the metainfo."""
    await asyncio.sleep(start)
    writer = None
    while True:
        try:
            if writer is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, local_addr=(source, 0), limit=1 << 20)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            status, retry_after, got = await read_answer(reader)
        except (OSError, asyncio.IncompleteReadError) as problem:
            counts["cut"] += 1
            counts["why"] = repr(problem)
            writer = None
            await asyncio.sleep(random.uniform(0.5, 2))
            continue
        if status == 200 and got == size:
            counts["done"] += 1
            counts["last"] = time.monotonic()
            writer.transport.abort()
            return
        counts["refused"] += 1
        await asyncio.sleep(retry_after * random.uniform(1, 1.25))


def crowd(number, given, credentials, port, path, results):
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    contexts = [member_http.context_of(path) for path in credentials]
    counts = {"done": 0, "refused": 0, "cut": 0, "last": 0.0, "why": ""}

    async def run():
        share = range(number, given.members, given.processes)
        await asyncio.gather(*[member(contexts[each % len(contexts)], port, path, given.size_mb * 1000 * 1000,
                                      random.uniform(0, given.within), f"127.0.{1 + each % 200}.{1 + each % 250}", counts) for each in share])

    asyncio.run(run())
    results.put(counts)


def main():
    given = options()
    with Fleet() as fleet:
        fleet.init()
        fleet.start_tracker("--announce-interval", "5s")
        source = fleet.join("source", role="seeder")
        token = fleet.token("node", "--uses", given.certificates)
        credentials = [member_http.credentials_of(fleet.join(f"n{number}", token=token).state) for number in range(given.certificates)]
        context = member_http.context_of(member_http.credentials_of(source.state))
        release = member_http.register_large(context, fleet.port, fleet.path("keys", "publisher.key"), "acme/large", given.size_mb)
        results = multiprocessing.Queue()
        began = time.monotonic()
        crowds = [multiprocessing.Process(daemon=True, target=crowd, args=(number, given, credentials, fleet.port, f"/v1/releases/{release}/metainfo", results))
                  for number in range(given.processes)]
        for each in crowds:
            each.start()
        waits, memory = [], 0
        while any(each.is_alive() for each in crowds) and results.qsize() < len(crowds):
            asked = time.monotonic()
            member_http.ask(context, fleet.port, "GET", "/v1/status")
            waits.append(time.monotonic() - asked)
            memory = max(memory, member_http.megabytes_of(fleet.tracker.pid))
            time.sleep(0.5)
        counts = [results.get(timeout=30) for _ in crowds]
        for each in crowds:
            each.join()
        waits.sort()
        report = {"members": given.members, "served": sum(each["done"] for each in counts), "size_mb": given.size_mb, "within_s": given.within,
                  "seconds": round(max(each["last"] for each in counts) - began, 1), "told_to_come_back": sum(each["refused"] for each in counts),
                  "cut_off": sum(each["cut"] for each in counts), "why": next((each["why"] for each in counts if each["why"]), ""),
                  "tracker_mb": memory, "status_median_s": round(waits[len(waits) // 2], 3), "status_worst_s": round(waits[-1], 3)}
        report["mb_per_s"] = round(report["served"] * given.size_mb / report["seconds"], 1)
        print(json.dumps(report) if given.json else "\n".join(f"{key:18} {value}" for key, value in report.items()), flush=True)


if __name__ == "__main__":
    main()
