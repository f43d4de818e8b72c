"""A tracker in the hands of somebody else, who has its certificate and the key of its freshness statements, but no publisher's key:
it can withhold, and that shows. It cannot bring a node to run anything."""
import base64
import contextlib
import hashlib
import json
import os
import unittest

from versions import VersionsCase  # first: it makes tests/support known

import hostile_tracker
from hostile_tracker import Database, HostileTracker, openssl, payload_of, sign


class Hostile(VersionsCase):
    """The node runs 1.0 by the channel main and holds 2.0 by the channel canary: of 2.0 nothing is missing but the word of the publisher."""

    def setUp(self):
        super().setUp()
        self.first = self.publish("1.0", megabytes=2)
        self.second = self.publish("2.0", seed=5, base=self.first, channel="canary")
        self.fleet.publish(self.source, self.fleet.path("model-1.0"), "acme/other", "1.0", channel="main")
        self.fleet.start_seeder(self.source)
        self.member = self.fleet.join("node")
        self.node = self.start_node()
        self.activated(self.node, "1.0")
        self.activated(self.node, "2.0")
        self.database = Database(self.fleet.path("tracker"))
        self.before = self.database.pointer(self.model, "main")
        self.canary = self.database.pointer(self.model, "canary")

    def start_node(self):
        return self.fleet.start_node(self.member, "--follow", self.model, "--follow", f"{self.model}:canary")

    def restart_node(self):
        self.node.stop()
        self.node = self.start_node()

    @contextlib.contextmanager
    def hostile(self):
        """The real tracker ends, and another has its place; afterwards the real one is back."""
        self.fleet.tracker.stop()
        with HostileTracker(self.fleet.path("tracker"), self.fleet.port) as tracker:
            for name, envelope in (("main", self.before), ("canary", self.canary)):
                tracker.serve_pointer(self.model, name, envelope)
            yield tracker
        self.fleet.start_tracker("--announce-interval", "5s")

    def states(self, tracker, main, **changes):
        return [tracker.state_of(main, **changes), tracker.state_of(self.canary)]

    @staticmethod
    def release_of(pointer):
        return json.loads(payload_of(pointer))["release"]

    def a_pointer(self, **changes):
        """The one after the channel's last, with the publisher's signature."""
        pointer = json.loads(payload_of(self.before))
        pointer["sequence"] += 1
        pointer.update(changes)
        return sign(hostile_tracker.CHANNEL, pointer, self.fleet.path("keys", "publisher.key"))

    def problem(self):
        status = self.status(self.member) or {}
        return " ".join([status.get("tracker_problem", ""), *(row["problem"] for row in status.get("subscriptions", []) if row["channel"] == "main")])

    def until_it_says(self, *words):
        self.until(f"the node says {words}", lambda: all(word in self.problem() for word in words), 90)

    def assert_untouched(self):
        row = self.subscription(self.member)
        self.assertEqual((row["active_version"], row["phase"]), ("1.0", "active"))
        self.assert_runs(self.member, self.first)
        self.assertEqual(self.count(self.node, "activated", channel="main", version="2.0"), 0)

    def assert_goes_on(self):
        """With the real tracker back, the node follows the publisher's next pointer, whatever the false tracker sent meanwhile."""
        self.set_channel("2.0")
        self.node.wait_event("activated", 90, lambda event: (event["channel"], event["version"]) == ("main", "2.0"))
        self.assert_runs(self.member, self.second)

    def test_one_that_stops_to_show_freshness_stops_what_is_new_and_not_what_is_active(self):
        newer = self.a_pointer(release=self.release_of(self.canary))
        with self.hostile() as tracker:
            tracker.state_freshness(self.states(tracker, self.before), expires=3)
            self.until("the node is stale", lambda: not self.status(self.member)["fresh"])
            # A newer pointer under an expired statement is not even looked at; nor after a restart.
            tracker.serve_pointer(self.model, "main", newer)
            tracker.state_freshness(self.states(tracker, newer), issued=-2, expires=-1)
            self.until_it_says("expired")
            self.assert_untouched()
            self.restart_node()
            self.until_it_says("expired")
            self.assertFalse(self.status(self.member)["fresh"])
            self.assert_untouched()
        self.until("the real one is believed", lambda: self.status(self.member)["fresh"])
        self.assert_goes_on()

    def test_one_that_shows_nothing_or_replays_an_older_statement_is_found_out_also_after_a_restart(self):
        with self.hostile() as tracker:
            self.until_it_says("not today")
            self.assert_untouched()
            tracker.state_freshness(self.states(tracker, self.before), issued=-600)
            self.until_it_says("older than the one")
            self.assert_untouched()
            self.restart_node()
            self.until_it_says("older than the one")
            self.assert_untouched()

    def test_pointers_are_not_mixed_between_channels_and_not_swapped_for_what_the_statement_does_not_name(self):
        newer = self.a_pointer(release=self.release_of(self.canary))
        with self.hostile() as tracker:
            # The pointer of canary under the name of main, in the statement and as the document.
            tracker.serve_pointer(self.model, "main", self.canary)
            tracker.state_freshness([tracker.state_of(self.canary, channel="main"), tracker.state_of(self.canary)])
            self.until_it_says("the pointer is for channel", "canary")
            self.assert_untouched()
            # A true pointer, but the statement is of another one.
            tracker.serve_pointer(self.model, "main", newer)
            tracker.state_freshness(self.states(tracker, newer, pointer="00" * 32))
            self.until_it_says("is not the one that the tracker's freshness statement names")
            self.assert_untouched()
            # Left out of the statement altogether.
            tracker.state_freshness([tracker.state_of(self.canary)])
            self.until_it_says("does not list", "withholds")
            self.assert_untouched()

    def test_a_statement_of_another_shard_says_nothing_of_a_channel(self):
        newer = self.a_pointer(release=self.release_of(self.canary))
        place = int(hashlib.sha256(f"{self.model}:main".encode()).hexdigest()[:3], 16)
        other = {"index": (place + 1) % 4096, "count": 4096}
        with self.hostile() as tracker:
            tracker.serve_pointer(self.model, "main", newer)
            tracker.state_freshness([tracker.state_of(newer)], shard=other)
            self.until_it_says("main, which is of another shard")
            self.assert_untouched()
            # Without it: that does not tell the node that the channel is gone.
            tracker.state_freshness([], shard=other)
            self.until_it_says("other channels than it was asked for")
            self.assert_untouched()
            self.assertTrue(self.status(self.member)["fresh"])
        self.assert_goes_on()

    def test_a_pointer_to_a_release_of_another_model_brings_nothing(self):
        other = self.database.release("acme/other", "1.0")
        pointer = self.a_pointer(release=other[0])
        with self.hostile() as tracker:
            tracker.serve_release(other)
            tracker.serve_pointer(self.model, "main", pointer)
            tracker.state_freshness(self.states(tracker, pointer))
            self.assertIn("it is signed for acme/other", self.node.wait_event("failed", 90)["reason"])
            row = self.subscription(self.member)
            self.assertEqual((row["phase"], row["active_version"]), ("failed", "1.0"))
            self.assert_runs(self.member, self.first)
        self.set_channel("1.0", "main", "--sequence", "10")
        self.assert_goes_on()

    def test_a_trust_root_of_its_own_making_is_refused_and_so_is_what_it_would_allow(self):
        attacker = self.fleet.run("key", "create", self.fleet.path("attacker.key")).events[-1]
        root = json.loads(payload_of(self.root()))
        root["version"] = 2
        root["keys"] = [base64.b64encode(openssl("pkey", "-in", attacker["file"], "-pubout", "-outform", "DER")).decode()]
        root["root_keys"] = [attacker["id"]]
        root["publishers"] = [{"models": ["*"], "keys": [attacker["id"]], "threshold": 1}]
        root["tracker_keys"] = []
        pointer = sign(hostile_tracker.CHANNEL, payload_of(self.a_pointer(release=self.release_of(self.canary))), attacker["file"])
        with self.hostile() as tracker:
            tracker.serve("/v1/trust-roots/2", sign(hostile_tracker.TRUST_ROOT, root, attacker["file"]))
            tracker.serve_pointer(self.model, "main", pointer)
            tracker.state_freshness(self.states(tracker, pointer), trust_root=2)
            self.until_it_says("trust root 2")
            self.assert_untouched()
            # And without the claim that there is a root to be taken.
            tracker.state_freshness(self.states(tracker, pointer))
            self.until_it_says("channel pointer for acme/model")
            self.assert_untouched()
            tracker.state_freshness(self.states(tracker, pointer), key=attacker["file"])
            self.until_it_says("freshness statement")
            self.assert_untouched()

    def test_a_pull_of_a_channel_believes_no_pointer_of_yesterday(self):
        """The old pointer is as well signed as the new one; only the tracker's own statement tells them apart."""
        newer = self.a_pointer(release=self.release_of(self.canary))
        self.node.stop()
        fresh = self.fleet.join("fresh")  # has seen no pointer, so that no sequence of its own tells it

        def refused(*words):
            pull = self.fleet.pull(fresh, "acme/model")
            self.assertEqual(pull.wait(60), 11, pull.events)
            message = next(event["message"] for event in pull.events if event.get("type") == "error")
            for word in words:
                self.assertIn(word, message)

        with self.hostile() as tracker:
            tracker.has_no("/v1/trust-roots/2")
            tracker.serve_release(self.database.release(self.model, "1.0"))
            tracker.state_freshness(self.states(tracker, newer), issued=-60)
            refused("sequence 1", "the newer sequence 2", "withholds")
            tracker.state_freshness([tracker.state_of(self.canary)], issued=-50)
            refused("does not list")
            tracker.state_freshness(self.states(tracker, self.before), issued=-600)
            refused("older than the one")
            tracker.state_freshness(self.states(tracker, self.before), issued=-40, expires=-30)
            refused("expired")
        self.assertFalse(os.path.exists(os.path.join(fresh.state, "releases")))
        self.assert_same(self.first, self.fleet.pull(fresh, "acme/model").complete()["path"])

    def root(self):
        with open(os.path.join(self.member.state, "identity", "trust-root.json"), encoding="utf-8") as file:
            return file.read()


if __name__ == "__main__":
    unittest.main(verbosity=2)
