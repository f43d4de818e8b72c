"""A fleet with more channels than a freshness statement lists: what was there first goes on, and the last one is as fresh as the first."""
import base64
import contextlib
import json
import os
import sqlite3
import time
import unittest

import cases

MODEL = "acme/model"


class ManyChannels(cases.FleetCase):
    def setUp(self):
        super().setUp()
        self.published(1)
        self.key = self.fleet.path("keys", "publisher.key")
        self.point("main", "1.0")
        self.point("last", "1.0")
        self.fleet.start_seeder(self.source)

    def point(self, channel, version, check=True):
        return self.fleet.run("channel", "set", f"{MODEL}:{channel}", version, "--key", self.key, "--state", self.source.state, check=check)

    def make_a_hundred_thousand(self):
        """The channel "last" becomes the youngest of them."""
        with contextlib.closing(sqlite3.connect(os.path.join(self.fleet.path("tracker"), "tracker.db"), timeout=20)) as database:
            database.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) "
                             "INSERT INTO channels(model, channel, epoch, sequence, release, envelope, updated) "
                             "SELECT model, printf('a%05d', i), epoch, sequence, release, envelope, updated FROM n, channels WHERE channel = 'main'")
            database.execute("UPDATE channels SET made = (SELECT max(made) FROM channels) WHERE channel = 'last'")
            database.commit()

    def publish_next(self, version, seed, channel):
        cases.make_model(self.fleet.path(version), 1, seed=seed)
        self.fleet.publish(self.source, self.fleet.path(version), MODEL, version, channel=channel)

    def follow(self, name, channel):
        node = self.fleet.join(name)
        running = self.fleet.start_node(node, "--follow", f"{MODEL}:{channel}")
        running.wait_event("activated", 60)
        return node, running

    def test_a_hundred_thousand_channels_stop_no_channel_that_was_there_before(self):
        _, running = self.follow("node", "main")
        self.make_a_hundred_thousand()
        self.assertIn("--channels-per-model", self.point("late", "1.0", check=False).events[-1]["message"])
        self.publish_next("2.0", 9, "main")
        running.wait_event("activated", 60, where=lambda event: event["version"] == "2.0")

    def test_who_follows_the_last_of_a_hundred_thousand_channels_hears_of_it_by_a_small_statement(self):
        self.make_a_hundred_thousand()
        began = time.monotonic()
        self.publish_next("2.0", 9, "main")  # from here on the tracker knows of all of them
        print(f"the tracker read 100 000 pointers, and took a release, in {time.monotonic() - began:.1f} s")
        node, running = self.follow("node", "last")
        with open(os.path.join(node.state, "freshness.json"), encoding="utf-8") as file:
            text = file.read()
        statement = json.loads(base64.b64decode(json.loads(text)["payload"]))
        self.assertGreater(statement["shard"]["count"], 100)
        self.assertIn("last", [state["channel"] for state in statement["channels"]])
        self.assertLess(len(text), 128 * 1024)
        print(f"a follower of one of 100 000 channels reads {len(text)} bytes for {len(statement['channels'])} of them")
        status = self.fleet.run("status", "--state", node.state, "--json")
        self.assertTrue(any(event.get("type") == "node" and event["fresh"] and event["fresh_until"] for event in status.events), status.events)
        self.fleet.pull(self.fleet.join("puller"), f"{MODEL}:last").complete()
        began = time.monotonic()
        self.point("last", "2.0")
        told = time.monotonic()
        running.wait_event("activated", 30, where=lambda event: event["version"] == "2.0")
        print(f"a move took {told - began:.1f} s for its publisher, and {time.monotonic() - told:.1f} s more until the node had it active")


if __name__ == "__main__":
    unittest.main()
