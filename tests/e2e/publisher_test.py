"""A publisher's days: staged rollouts, a bad release, keys that change, a tracker from an old backup."""
import os
import shutil
import unittest

import cases


class Publisher(cases.FleetCase):
    def setUp(self):
        super().setUp()
        self.key = self.fleet.path("keys", "publisher.key")
        for version in ("1.0", "2.0", "3.0"):
            self.fleet.publish(self.source, self.checkpoint(version), "acme/model", version, "--no-channel")

    def checkpoint(self, name):
        directory = self.fleet.path("checkpoint-" + name)
        os.makedirs(directory, exist_ok=True)
        with open(os.path.join(directory, "weights.bin"), "wb") as file:
            file.write(name.encode() * 5000)
        return directory

    def command(self, *words, key=None, check=True):
        return self.fleet.run(*words, "--state", self.source.state, *(("--key", key) if key else ()), check=check)

    def set(self, version, *extra, key=None, check=True):
        done = self.command("channel", "set", "acme/model:main", version, *extra, key=key or self.key, check=check)
        return done.events[-1]

    def refused(self, *words, key=None, code=2):
        done = self.command(*words, key=key, check=False)
        self.assertEqual(done.code, code, done.errors)
        return done.events[-1]["message"]

    def channel(self):
        return self.command("channel", "list", "acme/model").events[-1]

    def test_a_release_goes_to_a_part_first_then_to_all_then_back(self):
        self.assertEqual(self.set("1.0")["sequence"], 1)
        staged = self.set("2.0", "--percent", "10", "--halt", "20")
        self.assertEqual((staged["percent"], staged["halt_percent"]), (10, 20))
        self.assertEqual((self.channel()["percent"], self.channel()["halted"]), (10, False))
        self.assertFalse(self.set("2.0", "--percent", "10")["moved"])
        self.assertEqual(self.set("2.0", "--percent", "50")["sequence"], 3)
        self.assertEqual(self.set("2.0", "--halt", "0")["percent"], 100)
        back = self.command("channel", "rollback", "acme/model:main", "--reason", "wrong language", key=self.key).events[-1]
        self.assertEqual((back["version"], back["sequence"], back["reason"]), ("1.0", 5, "wrong language"))
        forth = self.command("channel", "rollback", "acme/model:main", "--to", "3.0", "--reason", "skip it", key=self.key).events[-1]
        self.assertEqual((forth["version"], forth["rollback_of"]), ("3.0", back["release"]))
        rows = self.command("channel", "history", "acme/model:main").events
        self.assertEqual([(row["sequence"], row["version"], row["percent"]) for row in rows],
                         [(6, "3.0", 100), (5, "1.0", 100), (4, "2.0", 100), (3, "2.0", 50), (2, "2.0", 10), (1, "1.0", 100)])
        self.assertTrue(all(row["verified"] and row["name"] == "source" for row in rows))

    def test_what_makes_no_sense_is_refused_with_what_to_do(self):
        self.assertIn("0 to 100", self.refused("channel", "set", "acme/model:main", "1.0", "--percent", "101", key=self.key))
        self.assertIn("channel set", self.refused("channel", "rollback", "acme/model:main", "--reason", "x", key=self.key, code=10))
        self.set("1.0")
        self.assertIn("--to VERSION", self.refused("channel", "rollback", "acme/model:main", "--reason", "x", key=self.key, code=10))
        self.assertIn("already", self.refused("channel", "rollback", "acme/model:main", "--to", "1.0", "--reason", "x", key=self.key))
        self.assertIn("--reason", self.refused("channel", "rollback", "acme/model:main", "--to", "2.0", key=self.key))

    def test_a_withdrawn_version_is_gone_for_good(self):
        self.set("2.0")
        self.assertIn("main", self.refused("release", "withdraw", "acme/model", "2.0", "--reason", "leak", key=self.key, code=1))
        self.set("1.0")
        stranger = self.fleet.path("stranger.key")
        self.fleet.run("key", "create", stranger)
        self.refused("release", "withdraw", "acme/model", "2.0", "--reason", "leak", key=stranger, code=11)
        self.command("release", "withdraw", "acme/model", "2.0", "--reason", "leak", key=self.key)
        node = self.fleet.join("node")
        pull = self.fleet.pull(node, "acme/model@2.0")
        self.assertEqual(pull.wait(), 10)
        self.assertIn("was withdrawn: leak", pull.last("error")["message"])
        again = self.fleet.publish(self.source, self.checkpoint("2.0"), "acme/model", "2.0", check=False)
        self.assertEqual(again.code, 1)
        self.assertIn("another one", again.events[-1]["message"])
        self.assertIn("was withdrawn", self.refused("channel", "set", "acme/model:main", "2.0", key=self.key, code=10))

    def test_a_stolen_publisher_key_is_replaced_in_a_new_epoch(self):
        self.set("1.0")
        node = self.fleet.join("node")
        old_token = self.fleet.token()
        shown = self.command("trust", "show").events[-1]
        fresh = self.fleet.run("key", "create", self.fleet.path("keys", "next.key")).events[-1]
        self.assertEqual(os.stat(fresh["file"]).st_mode & 0o777, 0o600)
        old = shown["publishers"][0]["keys"][0]
        rotate = ["trust", "rotate", "--add-publisher", fresh["public_file"], "--remove-publisher", old[:12], "--new-epoch"]
        self.assertIn("--root-key", self.refused(*rotate, "--root-key", fresh["file"], code=11))
        rotated = self.command(*rotate, "--root-key", self.fleet.path("keys", "root.key")).events[-1]
        self.assertEqual((rotated["version"], rotated["epoch"], rotated["publishers"][0]["keys"]), (2, 2, [fresh["id"]]))
        self.assertIn("trust root", self.refused("channel", "set", "acme/model:main", "1.0", key=self.key, code=11))
        self.command("publish", self.checkpoint("4.0"), "--model", "acme/model", "--version", "4.0", key=fresh["file"])
        self.assertEqual(self.channel()["sequence"], 1)
        seen = self.fleet.run("trust", "show", "--state", node.state).events[-1]
        self.assertEqual((seen["version"], seen["fingerprint"]), (2, rotated["fingerprint"]))
        for name, token in (("late", old_token), ("new", self.fleet.token())):
            late = self.fleet.join(name, "node", token)
            self.assertEqual(self.fleet.run("trust", "show", "--state", late.state).events[-1]["version"], 2)

    def test_a_tracker_from_an_old_backup_does_not_make_the_publisher_go_back(self):
        self.set("1.0")
        self.fleet.tracker.stop()
        shutil.copytree(self.fleet.path("tracker"), self.fleet.path("backup"))
        self.fleet.start_tracker()
        self.set("2.0")
        self.set("3.0")
        self.fleet.tracker.stop()
        shutil.rmtree(self.fleet.path("tracker"))
        shutil.copytree(self.fleet.path("backup"), self.fleet.path("tracker"))
        self.fleet.start_tracker()
        self.assertEqual(self.channel()["version"], "1.0")
        again = self.set("1.0")
        self.assertEqual((again["moved"], again["sequence"]), (True, 4))
        self.assertEqual(self.set("2.0", "--sequence", "40")["sequence"], 40)

    def test_nodes_are_listed_also_when_they_said_nothing_yet(self):
        self.fleet.join("node1")
        nodes = self.command("nodes", "list").events
        self.assertEqual([(node["name"], "seen" in node) for node in nodes], [("node1", False)])
        self.assertEqual(self.command("nodes", "list", "--model", "acme/model").events, [])


if __name__ == "__main__":
    unittest.main()
