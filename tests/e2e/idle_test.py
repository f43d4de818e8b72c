"""A fleet in which nobody wants anything: no connections, few wake-ups, and all of it over at once when somebody does.

Runs in a network namespace of its own, so that every connection counts; skipped (exit code 77) where there is none. With --nightly: twelve
nodes, three releases and a minute, instead of five nodes, two releases and a quarter of that.
"""
import os
import sys
import time
import unittest

import idleness
from cases import make_model
from fleet import Fleet

NIGHTLY = "--nightly" in sys.argv
NODES, RELEASES, SECONDS = (12, 3, 60) if NIGHTLY else (5, 2, 15)
ANNOUNCES = 60 / 24  # of one content in a minute: the tracker's 30 s, less the jitter of both sides


class Idle(unittest.TestCase):
    def setUp(self):
        self.fleet = self.enterContext(Fleet())
        self.fleet.init()
        self.fleet.start_tracker()
        self.models = [f"acme/model{number}" for number in range(RELEASES)]

    def publish_all(self, member, version="1.0"):
        for number, model in enumerate(self.models):
            directory = make_model(self.fleet.path(f"model{number}-{version}"), 4, seed=10 * number + 1)
            self.fleet.publish(member, directory, model, version)

    def start_node(self, member):
        follows = [word for model in self.models for word in ("--follow", model)]
        return self.fleet.start_node(member, *follows)

    def wait_active(self, member):
        end = time.monotonic() + 120
        while time.monotonic() < end:
            done = self.fleet.run("status", "--state", member.state, check=False)
            status = next((event for event in done.events if event["type"] == "node"), {"subscriptions": []})
            if len(status["subscriptions"]) == RELEASES and all(each["active_version"] == "1.0" for each in status["subscriptions"]):
                return
            time.sleep(0.2)
        self.fail(f"{member.name} does not run 1.0: {status}")

    def wait_silent(self, seconds=4, deadline=90):
        """Until nobody has connected to anybody for a while."""
        end = time.monotonic() + deadline
        while time.monotonic() < end:
            before = idleness.connections_opened()
            time.sleep(seconds)
            if idleness.connections_opened() - before <= NODES:
                return
        self.fail("the fleet does not fall silent")

    def look_at(self, nodes):
        """How the nodes did for a while, in which there were not too many connections; and how many there were."""
        watch = idleness.Watch(*(node.pid for node in nodes))
        time.sleep(SECONDS)
        rates, connections, took = watch.look()
        machines = NODES + 2
        print(f"{machines} machines, {RELEASES} releases: {connections} connections in {took:.0f} s; wake-ups a second and percent of a core: "
              + ", ".join(f"{wakes:.1f} {cpu:.2f}" for wakes, cpu in rates.values()), flush=True)
        self.assertLessEqual(connections, machines * took / 60 * (1 + RELEASES * ANNOUNCES))
        return rates, connections

    def test_machines_that_are_complete_leave_each_other_alone(self):
        source = self.fleet.join("source", "seeder", None, "--site", "here")
        self.publish_all(source)
        self.fleet.start_seeder(source)
        plain = self.fleet.join("plain", role="seeder")
        self.publish_all(plain)
        self.fleet.start_seeder(plain, "--directed", "no")
        members = [self.fleet.join(f"node{i}", "node", None, *(["--site", "there"] if i % 3 == 0 else [])) for i in range(NODES)]
        nodes = [self.start_node(member) for member in members]
        for member in members:
            self.wait_active(member)
        # Restarted, a node has everything from the start, and acts as a source.
        for number in range(0, NODES, 2):
            nodes[number].stop()
            nodes[number] = self.start_node(members[number])
        for member in members:
            self.wait_active(member)
        self.wait_silent()
        # A meeting, of which there may be one a minute for each node, keeps those two awake for some seconds: how often they wake when
        # nobody meets is seen in a time without one.
        for _ in range(4):
            rates, connections = self.look_at(nodes)
            if connections == 0:
                break
        # Generous, for a machine that runs other tests beside: docs/performance.md has the figures of a quiet one.
        for wakes, cpu in rates.values():
            self.assertLess(wakes, 15)
            self.assertLess(cpu, 2)

    def test_a_node_that_wants_something_again_is_served_at_once(self):
        source = self.fleet.join("source", role="seeder")
        self.publish_all(source)
        self.fleet.start_seeder(source)
        members = [self.fleet.join(f"node{i}") for i in range(3)]
        nodes = [self.start_node(member) for member in members]
        for member in members:
            self.wait_active(member)
        self.wait_silent()
        nodes[0].stop()
        status = self.fleet.run("verify", self.models[0], "--state", members[0].state).events[-1]
        path = os.path.realpath(os.path.join(members[0].state, "models", *self.models[0].split("/"), "main", "weights-1.bin"))
        with open(path, "r+b") as weights:
            weights.seek(1_000_000)
            weights.write(b"rot")
        started = time.monotonic()
        mended = self.fleet.run("verify", self.models[0], "--repair", "--state", members[0].state, "--listen", "127.0.0.1:0", check=False)
        took = time.monotonic() - started
        print(f"repaired after {took:.1f} s: {mended.events[-1]} (before: {status})", flush=True)
        self.assertEqual(mended.code, 0, mended.errors)
        self.assertLess(took, 8)


if __name__ == "__main__":
    idleness.in_a_network_of_its_own()
    sys.argv = [word for word in sys.argv if word != "--nightly"]
    unittest.main(verbosity=2)
