"""Several seeders serve one release: a second machine finds the same files at home and joins in without publishing."""
import os
import shutil
import unittest

import cases


class SeveralSeeders(cases.FleetCase):
    def setUp(self):
        super().setUp()
        self.original = self.published()
        self.copy = shutil.copytree(self.original, self.fleet.path("copy"))
        self.second = self.fleet.join("second", role="seeder")

    def join_in(self, *extra):
        return self.fleet.start_seeder(self.second, "--join", f"{self.copy}=acme/model@1.0", *extra)

    def test_a_node_finishes_from_the_second_when_the_first_stops(self):
        first = self.fleet.start_seeder(self.source, "--upload-limit", "4MB")
        second = self.join_in("--upload-limit", "4MB")
        joined = second.wait_event("joined_release")
        self.assertTrue(joined["hashed"])
        node = self.fleet.join("node")
        to = self.fleet.path("out")
        pull = self.fleet.pull(node, "acme/model@1.0", to=to)
        pull.wait_event("progress", where=lambda event: 0 < event["done"] < event["total"] // 2)
        first.stop()
        report = pull.complete()
        self.assertEqual(report["bytes_from_source"] >= report["bytes"], True)
        self.assert_same(self.original, to)
        self.assertEqual(self.fleet.publish(self.source, self.original, "acme/model", "1.0")["already"], True)

    def test_the_second_alone_serves_and_after_a_restart_reads_nothing_again(self):
        self.join_in().wait_event("joined_release")
        self.fleet.running[-1].stop()
        second = self.join_in()
        self.assertEqual(second.last("seeding")["releases"], 1)
        self.assertFalse(second.wait_event("joined_release")["hashed"])
        to = self.fleet.path("out")
        self.fleet.pull(self.fleet.join("node"), "acme/model@1.0", to=to).complete()
        self.assert_same(self.original, to)

    def test_a_file_that_differs_is_named_and_joins_once_it_is_right(self):
        bad = os.path.join(self.copy, "weights-2.bin")
        with open(bad, "r+b") as file:
            file.seek(1000)
            file.write(b"other")
        second = self.join_in()
        refused = second.wait_event("not_joined")
        self.assertIn(bad, refused["reason"])
        self.assertEqual(second.last("seeding")["releases"], 0)
        shutil.copyfile(os.path.join(self.original, "weights-2.bin"), bad)
        second.wait_event("joined_release")


if __name__ == "__main__":
    unittest.main()
