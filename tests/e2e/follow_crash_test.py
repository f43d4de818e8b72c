"""Nodes that follow a channel die at every step of a release's life; what is active is always one whole version."""
import hashlib
import json
import os
import random
import signal
import threading
import time
import unittest

from cases import files_below
from versions import VersionsCase

# In the order in which a release passes them (node/agent_channels.cpp, node/activation.cpp, node/shelf.cpp).
FAILPOINTS = ["node.pointer_noted", "node.durable", "node.renamed", "node.ready", "node.activating", "node.before_switch", "node.switched",
              "node.hooked", "node.activated"]


def digest_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Reader(threading.Thread):
    """Opens the channel's path again and again as an inference server would: all files of one directory, which must be one version."""

    def __init__(self, link, originals):
        super().__init__(daemon=True)
        self.link = link
        self.versions = {version: {name: digest_of(os.path.join(path, name)) for name in files_below(path)} for version, path in originals.items()}
        self.seen = {}
        self.wrong = []
        self.stopped = threading.Event()

    def run(self):
        while not self.stopped.is_set():
            self.look()

    def look(self):
        try:
            directory = os.open(self.link, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            return
        try:
            found = {}
            for name in next(iter(self.versions.values())):
                with open(os.open(name, os.O_RDONLY, dir_fd=directory), "rb") as file:
                    found[name] = hashlib.file_digest(file, "sha256").hexdigest()
            matching = [version for version, files in self.versions.items() if files == found]
            if not matching:
                self.wrong.append(found)
            else:
                self.seen[matching[0]] = self.seen.get(matching[0], 0) + 1
        except OSError as error:
            self.wrong.append(repr(error))
        finally:
            os.close(directory)

    def end(self):
        self.stopped.set()
        self.join()


class FollowCrash(VersionsCase):
    def start(self, member, failpoint=None):
        environment = {"SHOAL_FAILPOINT": failpoint} if failpoint else None
        node = self.fleet.start("node-" + member.name, "node", "run", "--state", member.state, "--listen", "127.0.0.1:0", "--follow", self.model,
                                "--hook", "exec:/bin/true", environment=environment)
        return node

    def test_a_node_that_dies_at_any_step_runs_the_old_version_or_the_new_and_goes_on(self):
        first = self.publish("1.0", megabytes=2)
        self.fleet.start_seeder(self.source)
        members = [self.fleet.join(f"node{i}") for i in range(len(FAILPOINTS))]
        nodes = [self.start(member) for member in members]
        for node, member in zip(nodes, members):
            self.activated(node, "1.0")
            node.stop()
        nodes = [self.start(member, failpoint) for member, failpoint in zip(members, FAILPOINTS)]
        for node in nodes:
            if node.running:
                node.settled("running", 30)
        second = self.publish("2.0", seed=9, megabytes=2)
        for node, member, failpoint in zip(nodes, members, FAILPOINTS):
            with self.subTest(failpoint):
                self.assertEqual(node.wait(90), -signal.SIGKILL, "it died there")
                running = os.path.realpath(self.link(member))
                self.assert_same(second if digest_of(os.path.join(running, "config.json")) == digest_of(os.path.join(second, "config.json")) else first, running)
                self.activated(self.start(member), "2.0") if self.needs_activation(member) else None
                self.until("the second version is active", lambda: self.subscription(member)["active_version"] == "2.0")
                self.assert_runs(member, second)

    def needs_activation(self, member):
        status = self.status(member)
        return status is None or status["subscriptions"][0]["phase"] != "active" or status["subscriptions"][0]["active_version"] != "2.0"

    def test_a_channel_that_goes_back_while_a_node_is_dead_in_the_middle_of_a_switch_is_followed_back(self):
        first = self.publish("1.0", megabytes=2)
        self.fleet.start_seeder(self.source)
        member = self.fleet.join("node")
        node = self.start(member)
        self.activated(node, "1.0")
        node.stop()
        node = self.start(member, "node.switched")
        self.publish("2.0", base=first)
        self.assertEqual(node.wait(90), -signal.SIGKILL, "it died there")
        self.set_channel("1.0")
        self.remember_halt(member)  # so that the cut-off switch is not simply done again before the tracker is asked
        self.start(member)
        self.until_settled(member, "1.0")
        self.assert_runs(member, first)

    def remember_halt(self, member):
        path = os.path.join(member.state, "subscriptions", *self.model.split("/"), "main.json")
        with open(path) as file:
            track = json.load(file)
        self.assertEqual(track["phase"], "activating")
        with open(path, "w") as file:
            json.dump(track | {"halted": True}, file)

    def until_settled(self, member, version):
        """Until it runs that version, and wants no other."""
        def is_settled():
            row = self.subscription(member)
            return row.get("phase") == "active" and row["active_version"] == row["wanted_version"] == version
        self.until(f"{version} is active and wanted", is_settled)

    def test_a_reader_sees_only_whole_versions_while_the_node_is_killed_a_hundred_times(self):
        originals = {"1.0": self.publish("1.0", megabytes=2)}
        originals["2.0"] = self.publish("2.0", seed=5, base=originals["1.0"], channel="other")
        self.fleet.start_seeder(self.source)
        member = self.fleet.join("node")
        first = self.start(member)
        self.activated(first, "1.0")
        reader = Reader(self.link(member), originals)
        reader.start()
        chance = random.Random(20)
        node, wanted = first, "1.0"
        for turn in range(100):
            if turn % 4 == 0:
                wanted = "2.0" if wanted == "1.0" else "1.0"
                self.set_channel(wanted)
            time.sleep(chance.uniform(0.0, 0.35))  # any moment may be the worst one
            node.kill()
            node = self.start(member)
        self.until_settled(member, wanted)
        self.assert_runs(member, originals[wanted])
        reader.end()
        self.assertEqual(reader.wrong, [])
        self.assertEqual(sorted(reader.seen), ["1.0", "2.0"], "both versions were read")


if __name__ == "__main__":
    unittest.main(verbosity=2)
