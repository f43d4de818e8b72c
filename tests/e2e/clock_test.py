"""Clocks that are wrong by days for a moment, and right again: nobody deletes a file, nobody joins again.

Skipped, with the reason, where libfaketime is not installed (scripts/install-deps.sh --tests does it).
"""
import glob
import time
import unittest

from versions import VersionsCase

FAKETIME = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)


@unittest.skipUnless(FAKETIME, "skipped: libfaketime is not installed")
class Clocks(VersionsCase):
    def setUp(self):
        super().setUp()
        self.publish("1.0", megabytes=1)
        self.fleet.start_seeder(self.source)
        self.node = self.fleet.join("node")

    def clock(self, name):
        """A clock that goes by what is written into a file, for one process."""
        path = self.fleet.path(name)
        self.turn(path, "+0")
        return path, {"LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": path, "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def turn(self, path, offset):
        with open(path, "w", encoding="ascii") as file:
            file.write(offset)

    def follow(self, environment=None):
        return self.fleet.start_node(self.node, "--follow", f"{self.model}:main", environment=environment)

    def wrong_for_a_moment(self, path, offset):
        self.turn(path, offset)
        time.sleep(15)  # for pointers, statements and certificates of that time, where anybody asks for any
        self.turn(path, "+0")

    def assert_goes_on(self, running):
        """A version published now arrives, even after a restart and on a machine that joins."""
        self.publish("1.1", megabytes=1)
        running.wait_event("activated", 90, lambda event: event["version"] == "1.1")
        running.stop()
        again = self.follow()
        self.publish("1.2", megabytes=1)
        again.wait_event("activated", 60, lambda event: event["version"] == "1.2")
        self.fleet.pull(self.fleet.join("later"), self.model).complete()

    def test_a_tracker_whose_clock_was_days_ahead(self):
        self.jump_of_the_tracker("+3d")

    def test_a_tracker_whose_clock_was_days_behind(self):
        self.jump_of_the_tracker("-3d")

    def jump_of_the_tracker(self, offset):
        path, environment = self.clock("tracker-clock")
        self.fleet.tracker.stop()
        self.fleet.environment = environment
        self.fleet.start_tracker("--announce-interval", "5s")
        self.fleet.environment = {}
        running = self.follow()
        running.wait_event("activated", 60)
        self.wrong_for_a_moment(path, offset)
        self.until("the tracker has a certificate that is good now", lambda: self.lists_nodes(), deadline=20)
        self.assert_goes_on(running)

    def lists_nodes(self):
        return self.fleet.run("nodes", "list", "--state", self.source.state, check=False).code == 0

    def test_a_node_whose_clock_was_days_ahead(self):
        path, environment = self.clock("node-clock")
        running = self.follow(environment)
        running.wait_event("activated", 60)
        self.wrong_for_a_moment(path, "+3d")
        self.assert_goes_on(running)

    def test_a_node_that_starts_with_a_clock_that_is_days_ahead(self):
        path, environment = self.clock("node-clock")
        self.turn(path, "+3d")
        started = self.fleet.start("early", "node", "run", "--state", self.node.state, "--listen", "127.0.0.1:0", "--follow",
                                   f"{self.model}:main", environment=environment)
        time.sleep(5)
        started.stop()
        running = self.follow()
        running.wait_event("activated", 60)
        self.assert_goes_on(running)


if __name__ == "__main__":
    unittest.main(verbosity=2)
