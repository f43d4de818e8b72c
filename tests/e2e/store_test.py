"""The files on the disk: decay that is found and repaired, crashes at every step, disks that fill up."""
import os
import shutil
import sys
import unittest

from cases import FleetCase, size_below

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))
import restart  # noqa: E402

PIECE = 64 << 10  # of a checkpoint as small as these


def flip(path, offset):
    """Changes one byte and leaves the times as they were, as a disk does."""
    times = os.stat(path)
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def event(done, kind):
    return next(event for event in done.events if event["type"] == kind)


class Repair(FleetCase):
    def setUp(self):
        super().setUp()
        self.original = self.published(24)
        self.seeder = self.fleet.start_seeder(self.source)
        self.node = self.fleet.join("node")
        pull = self.fleet.pull(self.node, "acme/model")
        self.release = pull.complete()["path"]
        self.assertEqual(pull.wait(), 0)

    def repair(self, *extra, check=True):
        return self.fleet.verify(self.node, "acme/model", "--repair", "--listen", "127.0.0.1:0", *extra, check=check)

    def test_a_flipped_byte_is_named_with_its_file_and_piece_and_only_that_piece_is_fetched_again(self):
        damaged = os.path.join(self.release, "weights-1.bin")
        flip(damaged, 5_000_000)
        elsewhere = self.fleet.path("a-hard-link")
        os.link(damaged, elsewhere)
        found = self.fleet.verify(self.node, "acme/model", check=False)
        self.assert_refused(found, 11, "--repair")
        problems = event(found, "verified")["problems"]
        self.assertEqual([(problem["path"], problem["reason"], len(problem["pieces"])) for problem in problems],
                         [("weights-1.bin", "content differs", 1)])
        before = os.stat(elsewhere).st_mtime_ns
        repaired = event(self.repair(), "repaired")
        self.assertGreater(repaired["bytes_from_source"], 0)
        self.assertLessEqual(repaired["bytes_from_source"] + repaired["bytes_from_peers"], 4 * PIECE)
        self.assert_same(self.original, self.release)
        self.assertEqual(os.stat(elsewhere).st_mtime_ns, before, "nothing is written into a file that others may share")
        self.assertTrue(event(self.fleet.verify(self.node, "acme/model"), "verified")["ok"])
        self.assertFalse(os.listdir(os.path.join(self.node.state, "incoming")), "nothing is left behind")

    def test_files_that_are_missing_cut_or_too_long_are_put_right(self):
        os.remove(os.path.join(self.release, "config.json"))
        shutil.rmtree(os.path.join(self.release, "nested"))
        os.truncate(os.path.join(self.release, "weights-2.bin"), 11_000_000)
        with open(os.path.join(self.release, "empty.txt"), "w", encoding="utf-8") as file:
            file.write("not empty")
        report = event(self.repair(), "repaired")
        self.assertEqual(report["files"], 4)
        self.assertLess(report["bytes_from_source"], 0.2 * size_below(self.original))
        self.assert_same(self.original, self.release)

    def test_repair_says_at_once_that_the_tracker_is_away_and_changes_nothing(self):
        flip(os.path.join(self.release, "weights-1.bin"), 5_000_000)
        self.fleet.tracker.kill()
        self.assert_refused(self.repair(check=False), 13, "repair")
        self.assert_refused(self.fleet.verify(self.node, "acme/model", check=False), 11)

    def test_a_release_that_is_right_needs_no_tracker_to_be_repaired(self):
        self.fleet.tracker.kill()
        self.assertTrue(event(self.repair(), "verified")["ok"])

    def test_a_directory_of_the_users_is_repaired_in_its_place(self):
        target = self.fleet.path("served", "here")
        pull = self.fleet.pull(self.fleet.join("other"), "acme/model", to=target)
        pull.complete()
        self.assertEqual(pull.wait(), 0)
        flip(os.path.join(target, "weights-2.bin"), 1000)
        done = self.fleet.verify(self.fleet.members["other"], "acme/model", "--in", target, "--repair", "--listen", "127.0.0.1:0")
        self.assertLessEqual(event(done, "repaired")["bytes_from_source"], 4 * PIECE)
        self.assert_same(self.original, target)


class Restart(unittest.TestCase):
    def test_a_seeder_and_a_node_that_were_killed_serve_100_gib_again_and_read_none_of_it(self):
        result = restart.measure(100)
        for role in ("seeder", "node"):
            self.assertLess(result[role]["bytes_read"], 8_000_000, f"the {role} reads identities, manifests and journals only")


if __name__ == "__main__":
    unittest.main(verbosity=2)
