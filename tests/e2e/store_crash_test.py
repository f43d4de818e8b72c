"""kill -9 at random moments of a pull and at every failpoint: nothing wrong is believed or shown, and what was durable is kept.

    store_crash_test.py [--rounds N]      kills at N random moments instead of 15
"""
import os
import random
import shutil
import struct
import sys
import time
import unittest
import zlib

from cases import FleetCase
from fleet import signed_release

ROUNDS = 15
RATE = 3_000_000  # bytes per second: a fetch takes eight seconds
UNSYNCED = 4.0  # seconds of work that a kill may cost: sync interval, sync and a loaded machine

FAILPOINTS = ("store.written", "store.written@20", "store.before_sync", "store.before_sync@2", "store.synced", "store.synced@2", "journal.half",
              "journal.half@2", "journal.appended", "journal.appended@2", "journal.synced", "journal.before_rename", "journal.renamed", "node.durable",
              "node.renamed", "node.before_switch")


def journaled_pieces(path):
    """The pieces that a journal believes in (its form is in src/store/journal.hpp), up to the first damaged record; none where there is no journal."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return set()
    assert data[:8] == b"SHOALJNL", "a journal is never seen half made"
    crc, = struct.unpack_from("<I", data, 48)
    assert crc == zlib.crc32(data[:48])
    pieces, at = set(), 52
    while at + 12 <= len(data):
        kind, length = struct.unpack_from("<II", data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            break
        crc = zlib.crc32(data[at:end], crc)
        if struct.unpack_from("<I", data, end) != (crc,):
            break
        for run in range(at + 8, end, 8) if kind in (1, 2) else ():
            first, count = struct.unpack_from("<II", data, run)
            (pieces.update if kind == 1 else pieces.difference_update)(range(first, first + count))
        at = end + 4
    return pieces


class StoreCrashes(FleetCase):
    def setUp(self):
        super().setUp()
        self.original = self.published(24)
        self.node = self.fleet.join("node")

    def state(self, *parts):
        return os.path.join(self.node.state, *parts)

    def extents(self, release):
        """(path, offset, length) of every piece, from the signed release."""
        payload = signed_release(self.node.state, release)
        size = payload["swarm"]["piece_length"]
        return [(entry["path"], at, min(size, entry["size"] - at)) for entry in payload["files"] for at in range(0, entry["size"], size)]

    def kept(self):
        """Bytes that the journal believes in; fails where one of them is not what was published."""
        total = 0
        for release in os.listdir(self.state("journal")) if os.path.exists(self.state("journal")) else ():
            if "." in release:
                continue
            extents = self.extents(release)
            at = next((self.state(place, release) for place in ("incoming", "releases") if os.path.exists(self.state(place, release))), None)
            for piece in journaled_pieces(self.state("journal", release)):
                path, offset, length = extents[piece]
                self.assertEqual(self.read(os.path.join(at, path), offset, length), self.read(os.path.join(self.original, path), offset, length),
                                 f"piece {piece} is believed and wrong")
                total += length
        return total

    @staticmethod
    def read(path, offset, length):
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(length)

    def check_visible(self):
        """Whatever can be seen is whole and right."""
        for release in os.listdir(self.state("releases")) if os.path.exists(self.state("releases")) else ():
            self.assert_same(self.original, self.state("releases", release))
        link = self.state("models", "acme", "model", "main")
        if os.path.lexists(link):
            self.assert_same(self.original, link)

    def forget(self):
        for name in ("releases", "models", "incoming", "journal"):
            shutil.rmtree(self.state(name), ignore_errors=True)

    def test_kill_9_at_random_moments_loses_little_and_shows_nothing_wrong(self):
        self.fleet.start_seeder(self.source, "--upload-limit", str(RATE))
        moments, kept, completed, lost = random.Random(ROUNDS), 0, 0, []
        for number in range(ROUNDS):
            with self.subTest(round=number):
                pull = self.fleet.pull(self.node, "acme/model")
                began = time.monotonic()
                pull.settled("complete", moments.uniform(0.05, 7.0 if number % 3 == 0 else 1.5))
                pull.kill()
                reported = self.reported(pull, time.monotonic() - began - UNSYNCED)
                self.check_visible()
                if os.path.exists(self.state("models")):
                    completed += 1
                    self.forget()
                    kept = 0
                    continue
                before, kept = max(kept, reported), self.kept()
                lost.append(1 - kept / before if before else 0.0)
                if not os.path.exists(self.state("releases")):
                    self.assertGreaterEqual(kept, 0.95 * before, "what was verified is kept")
        self.assert_same(self.original, self.fleet.pull(self.node, "acme/model").complete()["path"])
        print(f"{ROUNDS} kills, {completed} of them after the end; at most {100 * max(lost):.1f} % of what was old enough was lost", flush=True)

    @staticmethod
    def reported(pull, age):
        """The most that was reported as verified in the first `age` seconds of a process."""
        return max((event["done"] for at, event in zip(pull.heard, pull.events)
                    if event.get("type") == "progress" and at <= age and "fetching" in event["what"]), default=0)

    def test_a_death_at_any_failpoint_leaves_what_the_next_run_completes(self):
        self.fleet.start_seeder(self.source, "--upload-limit", str(4 * RATE))
        for point in FAILPOINTS:
            with self.subTest(failpoint=point):
                self.forget()
                pull = self.fleet.pull(self.node, "acme/model", environment={"SHOAL_FAILPOINT": point})
                self.assertEqual(pull.wait(60), -9, "it was to die there")
                self.check_visible()
                kept = self.kept()
                again = self.fleet.pull(self.node, "acme/model")
                report = again.complete()
                self.assertEqual(again.wait(), 0)
                self.assertLessEqual(report["bytes_from_source"], report["bytes"] - kept + 4_000_000)
                self.assert_same(self.original, report["path"])
                self.assert_same(self.original, self.state("models", "acme", "model", "main"))

    def test_the_program_that_users_run_has_no_failpoints(self):
        self.fleet.start_seeder(self.source)
        pull = self.fleet.start("pull", "pull", "acme/model", "--state", self.node.state, "--listen", "127.0.0.1:0",
                                environment={"SHOAL_FAILPOINT": FAILPOINTS[0]}, binary=self.fleet.shoal)
        pull.complete()
        self.assertEqual(pull.wait(60), 0)

    def test_a_piece_that_decays_between_two_runs_is_fetched_again_and_nothing_else(self):
        self.fleet.start_seeder(self.source, "--upload-limit", str(2 * RATE))
        pull = self.fleet.pull(self.node, "acme/model")
        pull.wait_event("progress", 60, lambda event: event.get("total", 0) > 0 and event["done"] >= 0.5 * event["total"])
        pull.kill()
        kept = self.kept()
        release, = os.listdir(self.state("incoming"))
        path, offset, length = self.extents(release)[min(journaled_pieces(self.state("journal", release)))]
        with open(self.state("incoming", release, path), "r+b") as file:
            file.seek(offset + length // 2)
            byte = file.read(1)[0]
            file.seek(offset + length // 2)
            file.write(bytes([byte ^ 1]))
        again = self.fleet.pull(self.node, "acme/model")
        report = again.complete()
        self.assertEqual(again.wait(), 0)
        self.assert_same(self.original, report["path"])
        self.assertLessEqual(report["bytes_from_source"], report["bytes"] - kept + 2_000_000)


if __name__ == "__main__":
    if "--rounds" in sys.argv:
        at = sys.argv.index("--rounds")
        ROUNDS = int(sys.argv[at + 1])
        del sys.argv[at:at + 2]
    unittest.main(verbosity=2)
