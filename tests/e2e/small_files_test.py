"""Small files share pieces: they cost their size, and everything that is done to pieces still works."""
import os
import unittest

from cases import FleetCase, files_below, write
from fleet import signed_release
from mirror_test import Mirror
from store_test import event, flip


def make_small_files(directory, count, size=200, seed=1):
    for number in range(count):
        write(os.path.join(directory, f"d{number % 7}", f"{number}.bin"), size, seed + number)
    return directory


def packing(member, report):
    """As the publisher signed it."""
    return signed_release(member.state, report["release"])["swarm"].get("packing", 1)


class SmallFiles(FleetCase):
    def pulled(self, member, ref, *extra):
        pull = self.fleet.pull(member, ref, *extra)
        report = pull.complete()
        self.assertEqual(pull.wait(), 0)
        return report

    def test_a_thousand_files_of_200_bytes_cross_as_about_their_size(self):
        small = make_small_files(self.fleet.path("small"), 1000)
        usual = make_small_files(self.fleet.path("usual"), 10)
        write(os.path.join(usual, "weights.bin"), 5_000_000, 1)
        self.fleet.publish(self.source, small, "acme/small", "1.0")
        self.fleet.publish(self.source, usual, "acme/usual", "1.0")
        self.fleet.publish(self.source, small, "acme/small", "aligned", "--align-files", "--no-channel")
        seeder = self.fleet.start_seeder(self.source)
        node = self.fleet.join("node")
        report = self.pulled(node, "acme/small")
        self.assertEqual(report["bytes"], 200_000)
        self.assertLessEqual(report["bytes_from_source"], 1.1 * report["bytes"])
        self.assert_same(small, report["path"])
        self.assertEqual(packing(node, report), 2)
        # Where it saves little, every node can read the release; and where the publisher says so.
        self.assertEqual(packing(node, self.pulled(node, "acme/usual")), 1)
        aligned = self.pulled(self.fleet.join("other"), "acme/small@aligned")
        self.assertEqual(signed_release(self.fleet.path("other"), aligned["release"])["swarm"].get("packing", 1), 1)
        self.assertGreater(aligned["bytes_from_source"], 10 * aligned["bytes"])
        # A node is also a source of them.
        serving = self.fleet.pull(node, "acme/small", seed_for="60s")
        serving.complete()
        seeder.stop()
        second = self.pulled(self.fleet.join("second"), "acme/small")
        self.assertEqual(second["bytes_from_source"], 0)
        self.assert_same(small, second["path"])

    def test_a_fetch_that_is_killed_goes_on(self):
        directory = make_small_files(self.fleet.path("small"), 1500, 3000)
        self.fleet.publish(self.source, directory, "acme/small", "1.0")
        seeder = self.fleet.start_seeder(self.source, "--upload-limit", "600kB")
        node = self.fleet.join("node")
        pull = self.fleet.pull(node, "acme/small")
        begun = pull.wait_event("progress", 60, lambda event: event["done"] > 2_000_000)
        pull.kill()
        seeder.stop()
        self.fleet.start_seeder(self.source)
        report = self.pulled(node, "acme/small")
        self.assert_same(directory, report["path"])
        # Pieces that were synced before are not fetched again; up to three seconds of pieces were not synced.
        self.assertLess(report["bytes_from_source"], 4_500_000 - begun["done"] + 2_000_000)

    def test_versions_reuse_small_files_whatever_their_packing(self):
        before = make_small_files(self.fleet.path("before"), 2000)
        after = make_small_files(self.fleet.path("after"), 2000)
        write(os.path.join(after, "d3", "703.bin"), 5000, 9)  # all files behind it lie elsewhere
        self.fleet.publish(self.source, before, "acme/small", "1", "--align-files")
        self.fleet.publish(self.source, after, "acme/small", "2")
        self.fleet.publish(self.source, before, "acme/small", "3")
        self.fleet.start_seeder(self.source)
        node = self.fleet.join("node")
        self.assertEqual(packing(node, self.pulled(node, "acme/small@1")), 1)
        for version, original in (("2", after), ("3", before)):
            report = self.pulled(node, f"acme/small@{version}")
            self.assertEqual(packing(node, report), 2)
            # The piece with the file that is new, and the next where it reaches into that.
            self.assertLessEqual(report["bytes_from_source"], 2 * 65536)
            self.assertGreaterEqual(report["bytes_reused"], report["bytes"] - 2 * 65536)
            self.assert_same(original, report["path"])

    def test_a_flipped_byte_is_named_with_its_file_and_repaired_without_touching_the_others(self):
        directory = make_small_files(self.fleet.path("small"), 300)
        self.fleet.publish(self.source, directory, "acme/small", "1.0")
        self.fleet.start_seeder(self.source)
        node = self.fleet.join("node")
        release = self.pulled(node, "acme/small")["path"]
        names = files_below(release)
        damaged = os.path.join("d5", "12.bin")
        flip(os.path.join(release, damaged), 100)
        others = {name: os.stat(os.path.join(release, name)) for name in names if name != damaged}
        found = self.fleet.verify(node, "acme/small", check=False)
        self.assert_refused(found, 11, "--repair")
        problems = event(found, "verified")["problems"]
        self.assertEqual([(problem["path"], problem["reason"]) for problem in problems], [(damaged, "content differs")])
        self.fleet.verify(node, "acme/small", "--repair", "--listen", "127.0.0.1:0")
        self.assert_same(directory, release)
        for name, stat in others.items():
            now = os.stat(os.path.join(release, name))
            self.assertEqual((now.st_ino, now.st_mtime_ns), (stat.st_ino, stat.st_mtime_ns), name)
        self.assertTrue(event(self.fleet.verify(node, "acme/small"), "verified")["ok"])

    def test_a_mirror_gives_pieces_that_several_files_share(self):
        directory = make_small_files(self.fleet.path("small"), 60)
        mirror = Mirror(directory, self.fleet.directory)
        self.addCleanup(mirror.close)
        self.fleet.publish(self.source, directory, "acme/small", "1.0", "--mirror", mirror.url)
        node = self.fleet.join("node")
        report = self.pulled(node, "acme/small", "--mirror-after", "1s", "--mirror-ca", mirror.certificate)
        self.assertEqual(packing(node, report), 2)
        self.assertEqual(report["bytes_from_mirrors"], report["bytes"])
        self.assert_same(directory, report["path"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
