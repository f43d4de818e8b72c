"""Channels that nobody moves, over years: the clock of the whole fleet jumps to days 61, 89, 91, 400 and 800.

Skipped, with the reason, where libfaketime is not installed (scripts/install-deps.sh --tests does it).
"""
import glob
import subprocess
import unittest

from fleet import clean_environment
from versions import VersionsCase

FAKETIME = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)


@unittest.skipUnless(FAKETIME, "skipped: libfaketime is not installed")
class Expiry(VersionsCase):
    def setUp(self):
        super().setUp()
        self.key = self.fleet.path("keys", "publisher.key")
        self.original = self.publish("1.0", megabytes=1)
        self.seeder = None
        self.joined = 0

    def go_to_day(self, day, *seeding):
        """All processes end, and are started on another day; certificates have run out meanwhile. `seeding`: more words for the seeder."""
        if self.seeder:
            self.seeder.stop()
        self.fleet.tracker.stop()
        self.fleet.environment = {"LD_PRELOAD": FAKETIME, "FAKETIME": f"+{day}d", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        self.fleet.start_tracker("--announce-interval", "5s")
        self.fleet.run("join", self.fleet.token("seeder"), "--state", self.source.state, "--name", "source", "--replace")
        self.seeder = self.fleet.start_seeder(self.source, *seeding)

    def new_machine(self):
        self.joined += 1
        return self.fleet.join(f"machine{self.joined}")

    def pulls(self):
        """On a machine that has just joined."""
        member = self.new_machine()
        self.fleet.pull(member, self.model).complete()
        self.assert_runs(member, self.original)

    def channel(self):
        done = self.fleet.run("channel", "list", self.model, "--state", self.source.state)
        return next(event for event in done.events if event["type"] == "channel")

    def assert_good_for_90_days(self, days_left):
        """Whole days: the last one has begun once a second has passed."""
        self.assertIn(days_left, (89, 90))

    def command(self, *words, check=True):
        return self.fleet.run(*words, "--state", self.source.state, check=check)

    def text(self, *words):
        """The output for people, which has the warnings."""
        done = subprocess.run([self.fleet.shoal, *words], capture_output=True, text=True, timeout=30, check=False,
                              env=clean_environment() | self.fleet.environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout + done.stderr

    def test_a_seeder_with_the_key_keeps_a_channel_alive_for_as_long_as_the_trust_root_is_good(self):
        self.assert_good_for_90_days(self.channel()["days_left"])
        self.assertFalse(self.channel()["expired"])
        self.go_to_day(61, "--key", self.key)
        renewed = self.seeder.wait_event("renewed")
        self.assertEqual((renewed["model"], renewed["channel"], renewed["sequence"]), (self.model, "main", 2))
        self.assert_good_for_90_days(self.channel()["days_left"])
        self.go_to_day(91, "--key", self.key)
        self.pulls()
        self.assertEqual(self.channel()["sequence"], 2, "it is good for another 60 days")
        self.go_to_day(400, "--key", self.key)
        self.seeder.wait_event("renewed")
        self.pulls()
        self.assertEqual(self.channel()["sequence"], 3)

    def test_without_the_key_somebody_is_told_in_time_and_renews_by_a_command(self):
        self.go_to_day(89)
        self.pulls()
        self.assertIn(self.channel()["days_left"], (0, 1))
        self.assertIn(f"shoal channel renew {self.model}:main", self.text("channel", "list", self.model, "--state", self.source.state))
        self.go_to_day(91)
        late = self.new_machine()
        self.refused(late, "shoal channel renew")
        row = self.channel()
        self.assertEqual((row["version"], row["expired"]), ("1.0", True))
        self.assertIn(row["days_left"], (-2, -1))
        self.assertIn("EXPIRED", self.text("channel", "list", self.model, "--state", self.source.state))
        follower = self.new_machine()
        node = self.fleet.start_node(follower, "--follow", self.model)
        self.until("the node says why it has nothing", lambda: "renew" in self.subscription(follower).get("problem", ""))

        self.assert_refused(self.command("channel", "renew", check=False), 2, "--all")
        self.assert_refused(self.command("channel", "renew", f"{self.model}:beta", "--key", self.key, check=False), 10, "beta")
        done = self.command("channel", "renew", f"{self.model}:main", "--key", self.key).events[-1]
        self.assertEqual((done["renewed"], done["version"], done["sequence"]), (True, "1.0", 2))
        self.assert_good_for_90_days(done["days_left"])
        again = self.command("channel", "renew", "--all", "--key", self.key).events[-1]
        self.assertEqual((again["renewed"], again["sequence"]), (False, 2), "twice is as good as once")
        self.activated(node, "1.0")
        subscription = self.subscription(follower)
        self.assert_good_for_90_days(subscription["pointer_days_left"])
        self.assertFalse(subscription["pointer_expired"])
        self.until("nodes list has the days", lambda: self.reported_days("machine3") in (89, 90), 60)
        node.stop()
        self.fleet.pull(late, self.model).complete()

        self.go_to_day(800)
        self.assert_ends_with_the_root()
        self.assert_those_that_are_gone_can_be_removed()

    def reported_days(self, name):
        rows = [row for row in self.command("nodes", "list").events if row.get("name") == name]
        return next((each.get("pointer_days_left") for row in rows for each in row["subscriptions"]), None)

    def refused(self, member, *words):
        pull = self.fleet.pull(member, self.model)
        self.assertEqual(pull.wait(60), 11)
        for word in words:
            self.assertIn(word, pull.last("error")["message"])

    def assert_ends_with_the_root(self):
        """Two years have passed: who holds the root key renews it, then a publisher the channels."""
        self.assertTrue(self.channel()["expired"])
        self.refused(self.new_machine(), "shoal trust rotate --root-key")
        self.assert_refused(self.command("channel", "renew", "--all", "--key", self.key, check=False), 11, "shoal trust rotate --root-key")
        shown = self.command("trust", "show").events[-1]
        self.assertLess(shown["days_left"], 0)
        root = self.command("trust", "rotate", "--root-key", self.fleet.path("keys", "root.key")).events[-1]
        self.assertEqual(root["version"], 2)
        self.assertIn(root["days_left"], (729, 730))
        self.assertTrue(self.command("channel", "renew", self.model, "--key", self.key).events[-1]["renewed"])
        self.pulls()

    def assert_those_that_are_gone_can_be_removed(self):
        tracker = ("--state", self.fleet.path("tracker"))
        before = {row["id"] for row in self.command("nodes", "list").events}
        last = next(row for row in self.command("nodes", "list").events if row["name"] == f"machine{self.joined}")
        self.assert_refused(self.fleet.run("nodes", "remove", last["id"], *tracker, check=False), 1, "nodes revoke", last["id"])
        gone = {event["id"] for event in self.fleet.run("nodes", "remove", "--gone", "30d", *tracker).events}
        self.assertGreater(len(gone), 3, "those of the first years")
        self.assertEqual({row["id"] for row in self.command("nodes", "list").events}, before - gone)
        self.fleet.run("nodes", "revoke", last["id"], *tracker)
        self.assertEqual(self.fleet.run("nodes", "remove", last["id"], *tracker).events[-1]["name"], last["name"])
        history = self.command("channel", "history", f"{self.model}:main").events
        self.assertEqual({row["name"] for row in history}, {"source"}, "who moved it, though that machine is off the list")


if __name__ == "__main__":
    unittest.main(verbosity=2)
