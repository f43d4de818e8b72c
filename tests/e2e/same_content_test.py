"""The same files under another version or another model are one content: on the disk, on the wire and in the swarm."""
import os
import time
import unittest

from cases import FleetCase, make_model


class SameContent(FleetCase):
    def setUp(self):
        super().setUp()
        self.directory = make_model(self.fleet.path("model"), 8, 1)
        self.fleet.publish(self.source, self.directory, "acme/model", "1.0", channel="main")
        self.seeder = self.fleet.start_seeder(self.source)
        self.member = self.fleet.join("node")

    def publish(self, model, version):
        return self.fleet.publish(self.source, self.directory, model, version, channel="main")["release"]

    def inodes(self, release):
        root = os.path.join(self.member.state, "releases", release)
        return {name: os.stat(os.path.join(root, name)).st_ino for name in os.listdir(root) if name.startswith("weights")}

    def fetches_without_a_seeder(self, ref):
        """Somebody else gets it from the node alone."""
        other = self.fleet.join(f"other{time.monotonic_ns()}")
        pull = self.fleet.pull(other, ref)
        pull.complete()
        self.assertEqual(pull.wait(), 0)

    def test_a_version_with_the_same_files_is_activated_without_a_fetch(self):
        node = self.fleet.start_node(self.member, "--follow", "acme/model:main")
        first = node.wait_event("activated")["release"]
        self.fleet.publish(self.source, self.directory, "acme/model", "1.1", "--no-channel")
        self.fleet.run("channel", "set", "acme/model:main", "1.1", "--halt", "20", "--state", self.source.state,
                       "--key", self.fleet.path("keys", "publisher.key"))
        second = node.wait_event("activated", where=lambda event: event["version"] == "1.1")["release"]
        fetched = [event for event in node.events if event["type"] == "fetched" and event["release"] == second][0]
        self.assertEqual(fetched["bytes_from_source"] + fetched["bytes_from_peers"], 0)
        self.assertEqual(fetched["bytes_reused"], fetched["bytes"])
        self.assertEqual(self.inodes(first), self.inodes(second), "one copy on the disk")
        self.assertEqual([event for event in node.events if event["type"] == "activation_failed"], [])

    def test_it_is_served_until_the_last_release_of_it_goes(self):
        node = self.fleet.start_node(self.member, "--follow", "acme/model:main", "--follow", "acme/other:main")
        node.wait_event("activated")
        self.publish("acme/other", "7")
        node.wait_event("activated", where=lambda event: event["model"] == "acme/other")
        self.seeder.stop()
        self.fetches_without_a_seeder("acme/model@1.0")
        self.fetches_without_a_seeder("acme/other@7")
        node.stop()
        node = self.fleet.start_node(self.member, "--follow", "acme/other:main", "--quota", "1MB")
        node.wait_event("running")
        self.fleet.run("remove", "acme/model", "--state", self.member.state, check=False)
        self.fleet.run("unfollow", "acme/model:main", "--remove", "--state", self.member.state, check=False)
        self.fleet.run("gc", "--state", self.member.state)
        self.until("the first release is gone", lambda: len(os.listdir(os.path.join(self.member.state, "releases"))) == 1, 120)
        self.fetches_without_a_seeder("acme/other@7")

    def test_two_models_of_the_same_files_at_once(self):
        second = self.publish("acme/other", "7")
        node = self.fleet.start_node(self.member, "--follow", "acme/model:main", "--follow", "acme/other:main")
        for model in ("acme/model", "acme/other"):
            node.wait_event("activated", where=lambda event, model=model: event["model"] == model)
        self.assertEqual([event for event in node.events if event["type"] == "activation_failed"], [])
        fetched = [event for event in node.events if event["type"] == "fetched"]
        size = fetched[0]["bytes"]
        self.assertLess(sum(event["bytes_from_source"] + event["bytes_from_peers"] for event in fetched), 1.2 * size, second)

    def test_a_pull_finds_what_another_version_brought_and_does_not_believe_it_when_it_is_damaged(self):
        first = self.fleet.pull(self.member, "acme/model@1.0")
        first.complete()
        self.assertEqual(first.wait(), 0)
        self.publish("acme/model", "1.1")
        second = self.fleet.pull(self.member, "acme/model@1.1")
        done = second.complete()
        self.assertEqual((second.wait(), done["bytes_from_source"], done["bytes_reused"]), (0, 0, done["bytes"]))
        weights = next(name for name in os.listdir(done["path"]) if name.startswith("weights"))
        with open(os.path.join(done["path"], weights), "r+b") as file:
            file.seek(1_000_000)
            file.write(b"decay")
        self.publish("acme/other", "7")
        third = self.fleet.pull(self.member, "acme/other@7")
        done = third.complete()
        self.assertEqual(third.wait(), 0)
        self.assertGreater(done["bytes_from_source"], 0)
        self.assert_same(self.directory, done["path"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
