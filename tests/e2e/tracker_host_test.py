"""The tracker's host is no member of the fleet, and its operator sees what members see."""
import os
import unittest

from cases import FleetCase, write


class TrackerHost(FleetCase):
    def setUp(self):
        super().setUp()
        write(self.fleet.path("model", "weights.bin"), 100_000, 1)
        self.fleet.publish(self.source, self.fleet.path("model"), "acme/model", "1.0")

    def here(self, *words, **more):
        """As on the tracker's host, where the default state directory holds the tracker's in `tracker`."""
        return self.fleet.run(*words, "--state", self.fleet.directory, **more)

    def test_what_only_reads_works(self):
        self.fleet.join("gpu1")
        self.assertEqual([row["name"] for row in self.here("nodes", "list").events], ["gpu1"])
        status = self.here("status").events
        self.assertTrue(any(row.get("type") == "swarm" or "acme/model" in str(row) for row in status), status)
        self.assertEqual([(row["model"], row["version"], row["channels"]) for row in self.here("models").events], [("acme/model", "1.0", ["main"])])
        version, = self.here("models", "acme/model").events
        self.assertEqual((version["size_bytes"], version["format"]["kind"]), (100_000, "other"))
        self.assert_refused(self.here("models", "acme/other", check=False), 10, "acme/other", "shoal models")
        self.assertEqual([row["version"] for row in self.here("channel", "list", "acme/model").events], ["1.0"])
        self.assertEqual(len(self.here("channel", "history", "acme/model:main").events), 1)
        self.assertEqual(self.here("trust", "show").code, 0)
        self.assertFalse(os.path.exists(self.fleet.path("identity")))

    def test_what_needs_a_member_says_what_this_host_is(self):
        self.assert_refused(self.here("pull", "acme/model", check=False), 12, "the tracker's host", "shoal join")
        key = self.fleet.path("keys", "publisher.key")
        published = self.here("publish", self.fleet.path("model"), "--model", "acme/model", "--version", "2.0", "--key", key, check=False)
        self.assert_refused(published, 12, "tracker", "publisher")


if __name__ == "__main__":
    unittest.main(verbosity=2)
