"""Trust roots that rotate, on machines that run, that were off, and that are lied to; who may publish what."""
import json
import os
import unittest

from cases import make_model
from hostile_tracker import payload_of
from versions import VersionsCase

HIGHEST = str(2**53 - 1)  # sequence


class TrustRoot(VersionsCase):
    def setUp(self):
        super().setUp()
        self.publisher_key = self.fleet.path("keys", "publisher.key")
        self.root_key = self.fleet.path("keys", "root.key")

    def key(self, name):
        return self.fleet.run("key", "create", self.fleet.path("keys", name + ".key")).events[-1]

    def rotate(self, *words, keys, check=True):
        signing = [word for key in keys for word in ("--root-key", key)]
        done = self.fleet.run("trust", "rotate", *words, *signing, "--state", self.source.state, check=check)
        return done.events[-1] if check else done

    def shown(self):
        return self.fleet.run("trust", "show", "--state", self.source.state).events[-1]

    def root_of(self, member):
        """The trust root that the machine itself has on its disk."""
        with open(os.path.join(member.state, "identity", "trust-root.json"), encoding="utf-8") as file:
            return json.loads(payload_of(file.read()))

    def publish_with(self, key, version, seed, *extra, model=None, check=True):
        directory = self.fleet.path("model-" + version)
        make_model(directory, 2, seed)
        done = self.fleet.run("publish", directory, "--state", self.source.state, "--model", model or self.model, "--version", version, "--key", key,
                              *extra, check=check)
        return directory if check else done

    def follower(self, name):
        member = self.fleet.join(name)
        return member, self.fleet.start_node(member, "--follow", self.model)

    def test_every_key_changes_in_steps_that_old_and_new_sign_and_a_node_that_was_off_walks_them_all(self):
        first = self.publish_with(self.publisher_key, "1.0", 1)
        self.fleet.start_seeder(self.source)
        member, node = self.follower("runs")
        away, gone = self.follower("away")
        for each in (node, gone):
            self.activated(each, "1.0")
        gone.stop()
        old = self.shown()
        a, b, publisher = self.key("a"), self.key("b"), self.key("publisher-2")

        # Three root keys, of which two must sign.
        words = ["--add-root-key", a["public_file"], "--add-root-key", b["public_file"], "--threshold", "2"]
        for too_few in ([self.root_key], [a["file"], b["file"]], [a["file"], a["file"], b["file"]]):
            refused = self.rotate(*words, keys=too_few, check=False)
            self.assert_refused(refused, 11, "--root-key")
        self.assertEqual(self.shown()["version"], 1, "nothing came of it")
        self.assertEqual(self.rotate(*words, keys=[self.root_key, a["file"]])["root_threshold"], 2)
        self.until("the node that runs takes it by itself", lambda: self.root_of(member)["version"] == 2)

        # Without the first key; it alone, or the same new key twice, is not enough any more.
        words = ["--remove-root-key", old["root_keys"][0]]
        for too_few in ([self.root_key], [self.root_key, self.root_key], [a["file"], a["file"]]):
            self.assert_refused(self.rotate(*words, keys=too_few, check=False), 11, "--root-key")
        self.rotate(*words, keys=[a["file"], b["file"]])
        # Another publisher, in a new epoch.
        words = ["--add-publisher", publisher["public_file"], "--remove-publisher", old["publishers"][0]["keys"][0], "--new-epoch"]
        self.assert_refused(self.rotate(*words, keys=[self.root_key, a["file"]], check=False), 11, "--root-key")
        self.rotate(*words, keys=[b["file"], a["file"]])
        self.until("the node that runs has the newest", lambda: (self.root_of(member)["version"], self.root_of(member)["epoch"]) == (4, 2))
        self.assert_runs(member, first)
        self.assertEqual(self.subscription(member)["active_version"], "1.0", "what is active stays, though its key is gone")

        second = self.publish_with(publisher["file"], "2.0", 9)
        self.activated(node, "2.0")
        self.assert_runs(member, second)
        self.assertEqual(self.root_of(away)["version"], 1)
        gone = self.fleet.start_node(away, "--follow", self.model)
        self.activated(gone, "2.0")
        self.assert_runs(away, second)
        self.assertEqual(self.root_of(away), self.root_of(member))
        refused = self.publish_with(self.publisher_key, "3.0", 5, check=False)
        self.assert_refused(refused, 11, "publish")

    def test_a_stolen_key_that_took_the_highest_sequence_is_overcome_by_a_new_epoch(self):
        self.publish_with(self.publisher_key, "1.0", 1)
        self.publish_with(self.publisher_key, "2.0", 2, "--no-channel")
        self.fleet.start_seeder(self.source)
        member, node = self.follower("runs")
        away, gone = self.follower("away")
        for each in (node, gone):
            self.activated(each, "1.0")
        self.set_channel("2.0", "main", "--sequence", HIGHEST)
        for each in (node, gone):
            self.activated(each, "2.0")
        gone.stop()
        done = self.fleet.run("channel", "set", f"{self.model}:main", "1.0", "--state", self.source.state, "--key", self.publisher_key, check=False)
        self.assertNotEqual(done.code, 0)
        self.assertIn("epoch", done.events[-1]["message"], "it says what to do")

        fresh = self.key("publisher-2")
        stolen = self.shown()["publishers"][0]["keys"][0]
        self.rotate("--add-publisher", fresh["public_file"], "--remove-publisher", stolen, "--new-epoch", keys=[self.root_key])
        third = self.publish_with(fresh["file"], "3.0", 3)
        gone = self.fleet.start_node(away, "--follow", self.model)
        for each, machine in ((node, member), (gone, away)):
            self.activated(each, "3.0")
            self.assert_runs(machine, third)

    def test_a_publisher_of_one_organisation_publishes_nothing_of_another(self):
        self.publish_with(self.publisher_key, "1.0", 1)
        self.fleet.start_seeder(self.source)
        member, node = self.follower("node")
        self.activated(node, "1.0")
        guest = self.key("guest")
        self.rotate("--add-publisher", guest["public_file"] + "=guest/*", keys=[self.root_key])
        self.assert_refused(self.publish_with(guest["file"], "2.0", 2, check=False), 11, self.model)
        done = self.fleet.run("channel", "set", f"{self.model}:main", "1.0", "--sequence", "9", "--state", self.source.state, "--key", guest["file"],
                              check=False)
        self.assert_refused(done, 11, self.model)
        # The fleet's own key counts for all models but those of the guest.
        self.assert_refused(self.publish_with(self.publisher_key, "2.0", 2, model="guest/model", check=False), 11, "guest/model")
        directory = self.publish_with(guest["file"], "2.0", 2, model="guest/model")
        self.fleet.run("follow", "guest/model", "--state", member.state)
        node.wait_event("activated", 90, lambda event: event["model"] == "guest/model")
        self.assert_same(directory, os.path.join(member.state, "models", "guest", "model", "main"))
        self.assertEqual(self.subscription(member)["active_version"], "1.0")


if __name__ == "__main__":
    unittest.main(verbosity=2)
