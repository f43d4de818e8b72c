"""Processes die at bad moments; the others finish, and nothing wrong is ever visible."""
import os
import signal
import unittest

from cases import FleetCase
from weights import header


class Crashes(FleetCase):
    def slow_seeder(self):
        """Slow enough that a transfer of 24 MB can be disturbed in its middle."""
        return self.fleet.start_seeder(self.source, "--upload-limit", "6MB")

    def in_the_middle(self, pull, share=0.2):
        pull.wait_event("progress", 60, lambda event: event.get("total", 0) > 0 and event["done"] >= share * event["total"])

    def test_the_others_finish_when_a_node_is_killed(self):
        original = self.published()
        self.slow_seeder()
        nodes = [self.fleet.join(f"node{i}") for i in range(3)]
        pulls = [self.fleet.pull(node, "acme/model", seed_for="60s") for node in nodes]
        self.in_the_middle(pulls[0])
        pulls[0].kill()
        for pull in pulls[1:]:
            self.assert_same(original, pull.complete()["path"])
        self.assertFalse(os.path.exists(os.path.join(nodes[0].state, "releases")), "a killed fetch shows nothing")

    def test_the_nodes_finish_when_the_seeder_is_killed_after_every_piece_is_out(self):
        original = self.published()
        seeder = self.slow_seeder()
        pulls = [self.fleet.pull(self.fleet.join(f"node{i}"), "acme/model", "--upload-limit", "8MB", seed_for="120s") for i in range(3)]
        pulls[0].complete()
        seeder.kill()
        for pull in pulls[1:]:
            self.assert_same(original, pull.complete()["path"])

    def test_a_killed_fetch_goes_on_where_it_stopped(self):
        original = self.published()
        self.slow_seeder()
        node = self.fleet.join("node")
        pull = self.fleet.pull(node, "acme/model")
        self.in_the_middle(pull, 0.5)
        pull.kill()
        report = self.fleet.pull(node, "acme/model").complete()
        self.assertLess(report["bytes_from_source"], 0.8 * report["bytes"])
        self.assert_same(original, report["path"])

    def test_an_interrupted_fetch_ends_with_130_shows_nothing_and_goes_on_later(self):
        original = self.published()
        self.slow_seeder()
        node = self.fleet.join("node")
        pull = self.fleet.pull(node, "acme/model")
        self.in_the_middle(pull)
        self.assertEqual(pull.stop(signal.SIGINT), 130)
        self.assertEqual(pull.last("error")["code"], "interrupted")
        self.assertFalse(os.path.exists(os.path.join(node.state, "models")))
        self.assert_same(original, self.fleet.pull(node, "acme/model").complete()["path"])

    def test_a_transfer_that_runs_survives_the_tracker(self):
        original = self.published()
        self.slow_seeder()
        pull = self.fleet.pull(self.fleet.join("node"), "acme/model")
        self.in_the_middle(pull)
        self.fleet.tracker.kill()
        self.assert_same(original, pull.complete()["path"])

    def test_a_transfer_outlives_the_certificates_that_it_began_with(self):
        self.fleet.tracker.stop()
        self.fleet.start_tracker("--announce-interval", "2s", "--certificate-life", "12s")
        self.source = self.fleet.join("young-source", role="seeder")
        original = self.published()
        self.fleet.start_seeder(self.source, "--upload-limit", "1MB")
        report = self.fleet.pull(self.fleet.join("node"), "acme/model").complete()
        self.assertGreater(report["seconds"], 12, "the transfer was to last longer than a certificate")
        self.assert_same(original, report["path"])

    def test_a_restarted_tracker_knows_its_fleet(self):
        original = self.published(4)
        self.fleet.start_seeder(self.source)
        token = self.fleet.token()
        self.fleet.tracker.kill()
        self.fleet.start_tracker("--announce-interval", "5s")
        node = self.fleet.join("node", token=token)
        self.assert_same(original, self.fleet.pull(node, "acme/model").complete()["path"])

    def test_a_seeder_stops_in_order_and_can_start_again(self):
        original = self.published(4)
        self.assertEqual(self.fleet.start_seeder(self.source).stop(), 0)
        self.fleet.start_seeder(self.source)
        self.assert_same(original, self.fleet.pull(self.fleet.join("node"), "acme/model").complete()["path"])

    def test_an_interrupted_publish_registers_nothing(self):
        directory = self.fleet.path("big")
        os.makedirs(directory)
        with open(os.path.join(directory, "w.bin"), "wb") as file:
            file.write(header(8_000_000_000))
            file.truncate(8_000_000_000)  # sparse: long to hash, quick to make
        publish = self.fleet.start("publish", "publish", directory, "--state", self.source.state, "--model", "acme/big", "--version", "1",
                                   "--key", self.fleet.path("keys", "publisher.key"))
        publish.wait_event("progress", 30)
        self.assertEqual(publish.stop(signal.SIGINT), 130)
        done = self.fleet.run("pull", "acme/big@1", "--state", self.fleet.join("node").state, check=False)
        self.assert_refused(done, 10, "acme/big")


if __name__ == "__main__":
    unittest.main(verbosity=2)
