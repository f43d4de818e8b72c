"""A node that follows a channel does not believe: old pointers, old trackers, other keys, wrong clocks."""
import glob
import os
import shutil
import unittest

from versions import VersionsCase

FAKETIME = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)


def at(offset):
    """The environment of a process whose clock on the wall is off; its steady clock is not."""
    return {"LD_PRELOAD": FAKETIME, "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_NO_CACHE": "1",
            "ASAN_OPTIONS": "verify_asan_link_order=0"}


class FollowTrust(VersionsCase):
    def follower(self, name="node", *extra, environment=None):
        member = self.fleet.join(name)
        return member, self.fleet.start_node(member, "--follow", self.model, *extra, environment=environment)

    def backup(self, name):
        self.fleet.tracker.stop()
        shutil.copytree(self.fleet.path("tracker"), self.fleet.path(name))
        self.fleet.start_tracker("--announce-interval", "5s")

    def restore(self, name):
        self.fleet.tracker.stop()
        shutil.rmtree(self.fleet.path("tracker"))
        shutil.copytree(self.fleet.path(name), self.fleet.path("tracker"))
        self.fleet.start_tracker("--announce-interval", "5s")

    def test_a_tracker_restored_from_an_old_backup_brings_no_old_version_back(self):
        self.publish("1.0")
        self.fleet.start_seeder(self.source)
        member, node = self.follower()
        self.activated(node, "1.0")
        self.backup("backup")
        second = self.publish("2.0", seed=4)
        self.activated(node, "2.0")
        self.restore("backup")
        problem = self.until("the node says what is wrong", lambda: self.subscription(member).get("problem"), 90)
        self.assertIn("sequence", problem)
        self.assert_runs(member, second)
        node.stop()
        node = self.fleet.start_node(member, "--follow", self.model)
        self.until("after a restart, too", lambda: self.subscription(member).get("problem"), 90)
        self.assert_runs(member, second)
        self.assertEqual(self.count(node, "activated"), 0)
        # The publisher remembers its sequences: what it says next is news to the nodes again.
        third = self.publish("3.0", seed=5)
        self.activated(node, "3.0")
        self.assert_runs(member, third)

    def test_a_release_of_another_model_is_not_taken_for_this_one(self):
        self.publish("1.0")
        other = self.fleet.publish(self.source, self.fleet.path("model-1.0"), "acme/other", "1.0", channel="main")
        done = self.fleet.run("channel", "set", f"{self.model}:main", "9.9", "--state", self.source.state, "--key",
                              self.fleet.path("keys", "publisher.key"), check=False)
        self.assert_refused(done, 10, "9.9")
        self.assertTrue(other["release"])

    def test_a_node_that_was_off_for_longer_than_its_certificate_lives_joins_again_and_goes_on(self):
        self.fleet.tracker.stop()
        self.fleet.start_tracker("--announce-interval", "2s", "--certificate-life", "10s")
        first = self.publish("1.0")
        member, node = self.follower()
        self.fleet.start_seeder(self.source)
        self.activated(node, "1.0")
        node.stop()
        self.until("the certificate is over", lambda: self.fleet.run("status", "--state", member.state, check=False).code == 12, 60)
        self.assert_runs(member, first)
        done = self.fleet.run("node", "run", "--state", member.state, "--listen", "127.0.0.1:0", check=False)
        self.assert_refused(done, 12, "join again")
        self.fleet.run("join", self.fleet.token(), "--state", member.state, "--name", "again")
        second = self.publish("2.0", seed=2)
        node = self.fleet.start_node(member, "--follow", self.model)
        self.activated(node, "2.0")
        self.assert_runs(member, second)

    @unittest.skipUnless(FAKETIME, "skipped: libfaketime is not installed")
    def test_a_clock_that_is_a_year_off_stops_no_version_that_is_active_and_is_named(self):
        first = self.publish("1.0")
        self.fleet.start_seeder(self.source)
        member, node = self.follower()
        self.activated(node, "1.0")
        node.stop()
        for offset in ("+365d", "-365d"):
            with self.subTest(offset):
                node = self.fleet.start("node", "node", "run", "--state", member.state, "--listen", "127.0.0.1:0", "--follow", self.model,
                                        environment=at(offset))
                if node.settled("running", 20) and node.last("running"):
                    status = self.status(member)
                    self.assertTrue(status["clock_suspect"], status)
                    node.stop()
                else:
                    self.assertEqual(node.wait(20), 12)
                    self.assertIn("expired" if offset.startswith("+") else "clock", node.last("error")["message"])
                self.assert_runs(member, first)
        node = self.fleet.start_node(member, "--follow", self.model)
        second = self.publish("2.0", seed=8)
        self.activated(node, "2.0")
        self.assert_runs(member, second)


if __name__ == "__main__":
    unittest.main(verbosity=2)
