"""A fleet with more channels than a freshness statement lists: what was there first goes on."""
import contextlib
import os
import sqlite3
import unittest

import cases

MODEL = "acme/model"


class ManyChannels(cases.FleetCase):
    def test_a_hundred_thousand_channels_stop_no_channel_that_was_there_before(self):
        self.published(1)
        key = self.fleet.path("keys", "publisher.key")
        point = lambda channel, check=True: self.fleet.run("channel", "set", f"{MODEL}:{channel}", "1.0", "--key", key, "--state",
                                                           self.source.state, check=check)
        point("main")
        self.fleet.start_seeder(self.source)
        node = self.fleet.join("node")
        running = self.fleet.start_node(node, "--follow", f"{MODEL}:main")
        running.wait_event("activated", 60)
        with contextlib.closing(sqlite3.connect(os.path.join(self.fleet.path("tracker"), "tracker.db"), timeout=20)) as database:
            database.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) "
                             "INSERT INTO channels(model, channel, epoch, sequence, release, envelope, updated) "
                             "SELECT model, printf('a%05d', i), epoch, sequence, release, envelope, updated FROM n, channels WHERE channel = 'main'")
            database.commit()
        self.assertIn("--channels-per-model", point("late", check=False).events[-1]["message"])
        cases.make_model(self.fleet.path("next"), 1, seed=9)
        self.fleet.publish(self.source, self.fleet.path("next"), MODEL, "2.0", channel="main")
        running.wait_event("activated", 60, where=lambda event: event["version"] == "2.0")


if __name__ == "__main__":
    unittest.main()
