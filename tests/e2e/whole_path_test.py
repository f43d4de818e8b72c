"""Publish, fetch by many, verify, look: the main job."""
import json
import os
import random
import subprocess
import unittest

from cases import FleetCase, content, make_model, size_below


class WholePath(FleetCase):
    def test_three_nodes_fetch_a_checkpoint_and_every_byte_matches(self):
        original = self.published()
        self.fleet.start_seeder(self.source)
        nodes = [self.fleet.join(f"node{i}") for i in range(3)]
        pulls = [self.fleet.pull(node, "acme/model", seed_for="60s") for node in nodes]
        for node, pull in zip(nodes, pulls):
            report = pull.complete()
            self.assertEqual(report["bytes"], size_below(original))
            self.assertGreaterEqual(report["bytes_from_source"] + report["bytes_from_peers"], report["bytes"])
            self.assert_same(original, os.path.join(node.state, "models", "acme", "model", "main"))
            self.assertEqual(os.listdir(os.path.join(node.state, "incoming")), [])

    def test_a_node_that_comes_later_fetches_from_a_node_that_has_it(self):
        original = self.published()
        seeder = self.fleet.start_seeder(self.source)
        first, second = self.fleet.join("first"), self.fleet.join("second")
        self.fleet.pull(first, "acme/model@1.0", seed_for="120s").complete()
        seeder.stop()
        report = self.fleet.pull(second, "acme/model@1.0").complete()
        self.assertEqual(report["bytes_from_source"], 0)
        self.assert_same(original, report["path"])

    def test_publish_can_serve_what_it_published(self):
        directory = self.fleet.path("plain")
        os.makedirs(directory)
        with open(os.path.join(directory, "only-file.bin"), "wb") as file:
            file.write(content("only-file.bin", 3_000_000, random.Random()))
        publisher = self.fleet.start("publish", "publish", directory, "--state", self.source.state, "--model", "acme/one", "--version", "1",
                                     "--key", self.fleet.path("keys", "publisher.key"), "--seed", "--listen", "127.0.0.1:0")
        publisher.wait_event("seeding")
        report = self.fleet.pull(self.fleet.join("node"), "acme/one").complete()
        self.assert_same(directory, report["path"])
        self.assertEqual(publisher.stop(), 0)

    def test_pull_fills_a_directory_of_the_user_and_verify_checks_it(self):
        original = self.published(4)
        self.fleet.start_seeder(self.source)
        node, target = self.fleet.join("node"), self.fleet.path("target")
        report = self.fleet.pull(node, "acme/model", to=target).complete()
        self.assertEqual(report["path"], target)
        self.assert_same(original, target)
        self.fleet.verify(node, "acme/model@1.0", "--in", target)
        with open(os.path.join(target, "config.json"), "r+b") as file:
            file.write(b"\0")
        done = self.fleet.verify(node, "acme/model@1.0", "--in", target, check=False)
        self.assert_refused(done, 11)
        problems = next(event for event in done.events if event["type"] == "verified")["problems"]
        self.assertEqual([problem["path"] for problem in problems], ["config.json"])

    def test_a_second_pull_of_the_same_release_fetches_nothing(self):
        self.published(4)
        self.fleet.start_seeder(self.source)
        node = self.fleet.join("node")
        first = self.fleet.pull(node, "acme/model")
        first.complete()
        self.assertEqual(first.wait(), 0)
        again = self.fleet.pull(node, "acme/model").complete()
        self.assertEqual(again["bytes_from_source"] + again["bytes_from_peers"], 0)

    def test_what_an_older_release_holds_is_not_fetched_again(self):
        old = self.published(24, "1.0", seed=1)
        new = make_model(self.fleet.path("model-2.0"), 24, seed=1)
        with open(os.path.join(new, "weights-1.bin"), "r+b") as file:
            file.seek(5_000_000)
            file.write(os.urandom(1000))
        self.fleet.publish(self.source, new, "acme/model", "2.0")
        self.fleet.start_seeder(self.source)
        node = self.fleet.join("node")
        first = self.fleet.pull(node, "acme/model@1.0")
        self.assert_same(old, first.complete()["path"])
        self.assertEqual(first.wait(), 0)
        report = self.fleet.pull(node, "acme/model@2.0").complete()
        self.assert_same(new, report["path"])
        self.assertGreater(report["bytes_reused"], 0.95 * report["bytes"])
        self.assertLess(report["bytes_from_source"], 0.05 * report["bytes"])

    def test_a_new_version_moves_the_channel_and_the_old_one_stays_reachable(self):
        old = self.published(2, "1.0", seed=10)
        new = self.published(2, "2.0", seed=20)
        self.fleet.start_seeder(self.source)
        node = self.fleet.join("node")
        self.assert_same(new, self.fleet.pull(node, "acme/model").complete()["path"])
        self.assertEqual(self.fleet.pull(self.fleet.join("other"), "acme/model@1.0").complete()["version"], "1.0")
        self.fleet.run("channel", "set", "acme/model:main", "1.0", "--state", self.source.state, "--key", self.fleet.path("keys", "publisher.key"))
        listed = self.fleet.run("channel", "list", "acme/model", "--state", node.state)
        self.assertEqual([(row["channel"], row["version"]) for row in listed.events], [("main", "1.0")])
        self.assert_same(old, self.fleet.pull(self.fleet.join("third"), "acme/model:main").complete()["path"])

    def test_status_tells_the_machine_and_the_fleet(self):
        self.published(2)
        self.fleet.start_seeder(self.source)
        node = self.fleet.join("node")
        self.fleet.pull(node, "acme/model", seed_for="60s").complete()
        self.until("two complete copies", lambda: self.complete_copies(node) == 2)

    def complete_copies(self, node):
        done = self.fleet.run("status", "--state", node.state)
        fleet = next(event for event in done.events if event["type"] == "fleet")
        return fleet["swarms"][0]["seeders"]

    def test_text_output_and_version_are_for_people(self):
        shown = subprocess.run([self.fleet.shoal, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
        self.assertRegex(shown, r"\d+\.\d+")
        overview = subprocess.run([self.fleet.shoal, "pull", "--help-all"], capture_output=True, text=True, timeout=10, check=True).stdout
        for word in ("org/name@version", "--seed-for", "SHOAL_STATE", "130"):
            self.assertIn(word, overview)
        done = subprocess.run([self.fleet.shoal, "status", "--state", self.source.state], capture_output=True, text=True, timeout=30, check=True)
        self.assertIn("seeder", done.stdout)
        with self.assertRaises(ValueError):
            json.loads(done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
