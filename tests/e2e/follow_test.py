"""Nodes that follow channels: new versions, going back, hooks, what is kept and what goes."""
import os
import signal
import stat
import time
import unittest

from cases import files_below, size_below
from versions import VersionsCase  # first: it makes tests/support known

import member_http


class Follow(VersionsCase):
    def test_ten_nodes_go_to_a_second_version_and_back_for_a_hundredth_of_the_bytes(self):
        first = self.publish("1.0", megabytes=12)
        self.fleet.start_seeder(self.source)
        members = [self.fleet.join(f"node{i}") for i in range(10)]
        nodes = [self.fleet.start_node(member, "--follow", self.model) for member in members]
        for node, member in zip(nodes, members):
            self.activated(node, "1.0")
            self.assert_runs(member, first)
        second = self.publish("2.0", seed=7, base=first)
        for node, member in zip(nodes, members):
            self.activated(node, "2.0")
            self.assert_runs(member, second)
            fetched = node.wait_event("fetched", 5, lambda event: event["version"] == "2.0")
            network = fetched["bytes_from_source"] + fetched["bytes_from_peers"]
            self.assertLess(network, 0.05 * fetched["bytes"], "one hundredth was changed")
        self.set_channel("1.0")
        for node, member in zip(nodes, members):
            self.until_count(node, "activated", 2, version="1.0")
            self.assert_runs(member, first)
            self.assertEqual(self.count(node, "fetched"), 2, "what is here is not fetched again")
            self.assertEqual(node.stop(), 0)

    def test_a_node_follows_what_it_is_told_while_it_runs_and_after_a_restart(self):
        original = self.publish("1.0")
        self.fleet.start_seeder(self.source)
        member = self.fleet.join("node")
        node = self.fleet.start_node(member)
        told = self.fleet.run("follow", self.model, "--state", member.state).events[-1]
        self.assertTrue(told["new"] and told["running"])
        self.activated(node, "1.0")
        self.assert_runs(member, original)
        self.assertEqual(self.subscription(member)["phase"], "active")
        node.stop()
        self.assertFalse(self.status(member)["running"])
        self.assertEqual(self.subscription(member)["active_version"], "1.0")
        second = self.publish("2.0", seed=3)
        node = self.fleet.start_node(member)
        self.activated(node, "2.0")
        self.assert_runs(member, second)
        self.fleet.run("unfollow", self.model, "--state", member.state)
        self.until("nothing is followed", lambda: not self.status(member)["subscriptions"])
        self.assert_runs(member, second)

    def test_a_node_that_was_restarted_repairs_what_decayed_on_its_disk_while_it_runs(self):
        original = self.publish("1.0", megabytes=12)
        self.fleet.start_seeder(self.source)
        member = self.fleet.join("node")
        node = self.fleet.start_node(member, "--follow", self.model)
        self.activated(node, "1.0")
        self.assertEqual(node.stop(), 0)
        damaged = next(os.path.join(at, name) for at, _, names in os.walk(os.path.join(member.state, "releases")) for name in names
                       if os.path.getsize(os.path.join(at, name)) > 1_000_000)
        with open(damaged, "r+b") as file:
            file.seek(700_000)
            byte = file.read(1)[0]
            file.seek(700_000)
            file.write(bytes([byte ^ 1]))
        self.assert_refused(self.fleet.verify(member, self.model, check=False), 11)
        node = self.fleet.start_node(member, "--scrub-rate", "50MB")
        self.until("the byte is right again", lambda: self.fleet.verify(member, self.model, check=False).code == 0)
        self.assert_runs(member, original)
        self.assertEqual(node.stop(), 0)

    def test_a_channel_that_is_deleted_stays_on_its_nodes_until_it_is_set_again(self):
        first = self.publish("1.0")
        self.publish("2.0", seed=5, channel="other")
        key = self.fleet.path("keys", "publisher.key")
        self.fleet.start_seeder(self.source, "--key", key)
        member = self.fleet.join("node")
        node = self.fleet.start_node(member, "--follow", self.model)
        self.activated(node, "1.0")
        context = member_http.context_of(member_http.credentials_of(self.source.state))
        path = f"/v1/models/{self.model}/channels/main"
        _, _, pointer = member_http.ask(context, self.fleet.port, "GET", path)
        delete = lambda *extra, check=True: self.fleet.run("channel", "delete", f"{self.model}:main", "--state", self.source.state, "--key", key,
                                                           *extra, check=check)
        done = delete("--reason", "the trial is over").events[-1]
        self.assertEqual((done["type"], done["sequence"]), ("channel_deleted", 2))
        self.until("the node says so", lambda: "was deleted by its publishers: the trial is over" in self.subscription(member)["problem"])
        self.assert_runs(member, first)
        listed = [event["channel"] for event in self.fleet.run("channel", "list", self.model, "--state", self.source.state).events
                  if event["type"] == "channel"]
        self.assertEqual(listed, ["other"])
        status, _, text = member_http.ask(context, self.fleet.port, "PUT", path, pointer)
        self.assertEqual(status, 409)
        self.assertIn("was deleted with sequence 2", str(text))
        self.assert_refused(delete(check=False), 10, "was deleted")
        self.set_channel("2.0")  # by the sequence above the deletion
        self.activated(node, "2.0")
        self.assertEqual(self.subscription(member)["problem"], "")

    def test_a_second_daemon_on_the_same_state_directory_is_refused(self):
        member = self.fleet.join("node")
        self.fleet.start_node(member)
        done = self.fleet.run("node", "run", "--state", member.state, "--listen", "127.0.0.1:0", check=False)
        self.assert_refused(done, 1, member.state)

    def test_a_hook_that_fails_undoes_the_switch_and_is_tried_again(self):
        first = self.publish("1.0")
        self.fleet.start_seeder(self.source)
        member, log, verdict = self.fleet.join("node"), self.fleet.path("hook.log"), self.fleet.path("verdict")
        hook = self.script("hook", f'echo "$SHOAL_HOOK_MODEL $SHOAL_HOOK_VERSION" >> {log}\n[ "$SHOAL_HOOK_VERSION" != 2.0 ] || [ -e {verdict} ]\n')
        node = self.fleet.start_node(member, "--follow", self.model, "--hook", f"exec:{hook}")
        self.activated(node, "1.0")
        second = self.publish("2.0", seed=5)
        failed = node.wait_event("failed", 90)
        self.assertIn("hook", failed["reason"])
        self.assert_runs(member, first)
        row = self.subscription(member)
        self.assertEqual((row["phase"], row["active_version"], row["wanted_version"]), ("failed", "1.0", "2.0"))
        with open(log, encoding="utf-8") as file:
            lines = file.read().splitlines()
        self.assertEqual(lines[:3], ["acme/model 1.0", "acme/model 2.0", "acme/model 1.0"], "the server is told to go back, too")
        with open(verdict, "w", encoding="utf-8"):
            pass
        self.activated(node, "2.0")
        self.assert_runs(member, second)

    def test_a_hook_that_hangs_is_ended_at_its_deadline_and_undoes_the_switch(self):
        self.publish("1.0")
        self.fleet.start_seeder(self.source)
        member = self.fleet.join("node")
        node = self.fleet.start_node(member, "--follow", self.model, "--hook", "exec:/bin/sleep 1000", "--hook-timeout", "1s")
        self.assertIn("sleep", node.wait_event("failed", 90)["reason"])
        self.assertFalse(os.path.lexists(self.link(member)), "nothing was active before")

    def test_what_nothing_refers_to_goes_and_what_is_pinned_stays(self):
        self.publish("1.0")
        self.fleet.start_seeder(self.source)
        member = self.fleet.join("node")
        node = self.fleet.start_node(member, "--follow", self.model)
        first = self.activated(node, "1.0")["release"]
        self.fleet.run("pin", f"{self.model}@1.0", "--state", member.state)
        releases = os.path.join(member.state, "releases")
        ids = {"1.0": first}
        for number in (2, 3, 4):
            version = f"{number}.0"
            self.publish(version, seed=10 * number)
            ids[version] = self.activated(node, version)["release"]
        self.until("version 2.0 is gone", lambda: sorted(os.listdir(releases)) == sorted([ids["1.0"], ids["3.0"], ids["4.0"]]))
        self.fleet.run("unpin", f"{self.model}@1.0", "--state", member.state)
        would = self.fleet.run("gc", "--state", member.state, "--dry-run").events[-1]
        self.assertEqual([each["release"] for each in would["removed"]], [ids["1.0"]])
        self.assertIn(ids["1.0"], os.listdir(releases))
        self.fleet.run("gc", "--state", member.state)
        self.assertEqual(sorted(os.listdir(releases)), sorted([ids["3.0"], ids["4.0"]]))
        node.stop()
        self.assertEqual(self.fleet.run("gc", "--state", member.state).events[-1]["removed"], [], "without a node the same stays")

    def test_what_was_pulled_is_given_up_by_remove_and_gc_and_leaves_the_hugging_face_cache_too(self):
        self.publish("1.0", megabytes=4)
        self.fleet.start_seeder(self.source)
        member, hub = self.fleet.join("node"), self.fleet.path("node", "hub")
        pull = self.fleet.pull(member, f"{self.model}@1.0", "--hf-cache", hub)
        pulled = pull.complete()
        pull.wait()
        local = ("--state", member.state)
        self.assertEqual(self.fleet.run("gc", *local).events[-1]["removed"], [], "what was pulled stays")
        self.assertTrue(size_below(hub))
        self.fleet.run("remove", f"{self.model}@1.0", *local)
        would = self.fleet.run("gc", *local, "--dry-run").events[-1]["removed"]
        self.assertEqual([(each["release"], each["title"]) for each in would], [(pulled["release"], f"{self.model}@1.0")])
        self.fleet.killed_at("huggingface.unlinked", "gc", *local, "--hf-cache", hub)
        self.fleet.run("gc", *local, "--hf-cache", hub)
        self.assertEqual(os.listdir(os.path.join(member.state, "releases")), [])
        self.assertEqual([name for name in files_below(hub) if "snapshots" in name or "blobs" in name], [])
        self.assert_refused(self.fleet.run("remove", f"{self.model}@1.0", *local, check=False), 10, "1.0")

    def test_an_unfinished_fetch_goes_with_gc_where_no_node_runs(self):
        self.publish("1.0", megabytes=24)
        self.fleet.start_seeder(self.source, "--upload-limit", "500kB")
        member = self.fleet.join("node")
        pull = self.fleet.pull(member, f"{self.model}@1.0")
        pull.wait_event("progress", 60, lambda event: event["done"] > 0)
        pull.stop()
        unfinished = os.listdir(os.path.join(member.state, "incoming"))
        self.assertEqual(len(unfinished), 1)
        would = self.fleet.run("gc", "--state", member.state, "--dry-run").events[-1]
        self.assertEqual(would["unfinished"], unfinished)
        self.assertEqual(self.fleet.run("gc", "--state", member.state).events[-1]["unfinished"], unfinished)
        self.assertEqual(os.listdir(os.path.join(member.state, "incoming")), [])

    def test_a_release_that_a_peer_fetches_stays_also_while_that_stalls(self):
        self.publish("1.0", megabytes=24)
        seeder = self.fleet.start_seeder(self.source)
        member = self.fleet.join("node")
        node = self.fleet.start_node(member, "--follow", self.model, "--upload-limit", "500kB")
        first = self.activated(node, "1.0")["release"]
        seeder.stop()
        reader = self.fleet.pull(self.fleet.join("reader"), f"{self.model}@1.0", to=self.fleet.path("out"))
        reader.wait_event("progress", 60, lambda event: event["from_peers"] > 0)
        reader.send(signal.SIGSTOP)
        self.fleet.start_seeder(self.source)
        for number, version in enumerate(("2.0", "3.0")):
            self.publish(version, seed=10 * number + 30, megabytes=2)
            self.activated(node, version)

        def collected():
            return [each["release"] for each in self.fleet.run("gc", "--state", member.state).events[-1]["removed"]]

        for _ in range(8):  # the rate of what is sent falls to nothing
            self.assertEqual(collected(), [])
            time.sleep(1)
        reader.kill()
        self.until("it goes with its reader", lambda: collected() == [first])

    def test_a_channel_that_is_followed_is_given_up_by_unfollow(self):
        member = self.fleet.join("node")
        self.fleet.run("follow", self.model, "--state", member.state)
        self.assert_refused(self.fleet.run("remove", self.model, "--state", member.state, check=False), 2, "unfollow")

    def test_a_quota_is_kept_and_a_release_that_cannot_fit_is_refused(self):
        original = self.publish("1.0", megabytes=4)
        size = size_below(original)
        self.fleet.start_seeder(self.source)
        member = self.fleet.join("node")
        node = self.fleet.start_node(member, "--follow", self.model, "--quota", str(2 * size + size // 2))
        self.activated(node, "1.0")
        self.publish("2.0", seed=11, megabytes=4)
        self.activated(node, "2.0")
        self.publish("3.0", seed=12, megabytes=4)
        failed = node.wait_event("failed", 60)
        self.assertEqual(failed["code"], "no_space")
        self.assertIn("quota", failed["reason"])
        self.assertEqual(self.subscription(member)["active_version"], "2.0")

    def test_limits_hold_for_a_transfer_that_runs(self):
        self.publish("1.0", megabytes=24)
        self.fleet.start_seeder(self.source)
        member = self.fleet.join("node")
        node = self.fleet.start_node(member, "--download-limit", "1MB")
        self.fleet.run("follow", self.model, "--state", member.state)
        self.until("a slow beginning", lambda: 0 < (self.subscription(member).get("progress") or {"done": 0})["done"] < 8_000_000)
        self.fleet.run("limit", "--state", member.state, "--download", "0", "--for", "1h")
        self.activated(node, "1.0", 20)

    def test_a_limit_by_command_is_of_the_direction_that_it_names_and_the_others_stay_as_configured(self):
        member = self.fleet.join("node")
        self.fleet.start_node(member, "--upload-limit", "3MB", "--schedule", "daily 00:00-24:00 down=2MB")

        def limits(*words):
            answer = self.fleet.run("limit", "--state", member.state, *words).events[-1]
            return answer["upload_limit"], answer["download_limit"]

        self.assertEqual(limits("--download", "1MB"), (3_000_000, 1_000_000))
        self.assertEqual(limits("--upload", "0", "--for", "1s"), (0, 1_000_000))
        self.until("the shorter one is over", lambda: limits("--download", "500kB") == (3_000_000, 500_000))
        self.assertEqual(limits("--upload", "4MB"), (4_000_000, 500_000))
        self.assert_refused(self.fleet.run("limit", "--state", member.state, check=False), 2, "--upload, --download or both")

    def test_nodes_finish_a_version_without_tracker_and_source_when_one_copy_is_out(self):
        original = self.publish("1.0", megabytes=24)
        seeder = self.fleet.start_seeder(self.source, "--upload-limit", "6MB")
        members = [self.fleet.join(f"node{i}") for i in range(3)]
        nodes = [self.fleet.start_node(member, "--follow", self.model, "--upload-limit", "8MB") for member in members]
        self.until("all fetch", lambda: all((self.subscription(member).get("progress") or {}).get("done", 0) > 2_000_000 for member in members))
        self.fleet.tracker.kill()
        nodes[0].wait_event("fetched", 90)
        seeder.kill()
        for node in nodes[1:]:
            node.wait_event("fetched", 90)
        # Their statement of the tracker is fresh enough: they also switch.
        for node, member in zip(nodes, members):
            self.activated(node, "1.0")
            self.assert_runs(member, original)

    def script(self, name, text):
        path = self.fleet.path(name)
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n" + text)
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
        return path


if __name__ == "__main__":
    unittest.main(verbosity=2)
