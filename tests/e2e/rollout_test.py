"""A release day on ten nodes: part of the fleet first, a halt, a step back, and what all of it costs on the network.

The bytes are counted on the loopback interface of a network namespace of the test's own; where there can be none, that one test is skipped.
"""
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import time
import unittest

from cases import size_below
from versions import VersionsCase

OWN_NETWORK = "--own-network"
REPORTED = 60  # seconds until what a node says of itself is at the tracker, on a busy machine


def in_own_network():
    """Runs this program again in a network of its own; returns where the system does not let it."""
    words = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--net"]
    script = "ip link set lo up"
    if not shutil.which("unshare") or not shutil.which("ip"):
        return
    if subprocess.run([*words, "sh", "-c", script], check=False, capture_output=True).returncode == 0:
        os.execvp("unshare", [*words, "sh", "-c", f'{script} && exec "$@"', "sh", sys.executable, *sys.argv, OWN_NETWORK])


def bytes_on_the_wire():
    """Everything that went over loopback since this network was made, headers included."""
    with open("/proc/net/dev", encoding="ascii") as table:
        return next(int(line.split(":")[1].split()[0]) for line in table if line.strip().startswith("lo:"))


def is_chosen(salt, percent, node_id):
    """docs/formats.md, "Channel pointer"."""
    digest = hashlib.sha256(salt.encode() + b"\0" + node_id.encode()).digest()
    return int.from_bytes(digest[:8], "big") % 10000 < 100 * percent


class Rollout(VersionsCase):
    def setUp(self):
        super().setUp()
        self.key = self.fleet.path("keys", "publisher.key")
        self.members, self.nodes, self.ids = [], {}, {}

    # --- the fleet ---

    def start_fleet(self, *extra, count=10):
        token = self.fleet.token("node", "--uses", str(count))
        for i in range(count):
            self.members.append(self.fleet.join(f"node{i}", "node", token))
        self.start(self.members, *extra)
        self.ids = {row["name"]: row["id"] for row in self.rows().values()}

    def start(self, members, *extra):
        for member in members:
            self.nodes[member.name] = self.fleet.start_node(member, "--follow", self.model, *extra)

    def rows(self):
        done = self.fleet.run("nodes", "list", "--state", self.source.state)
        return {row["name"]: row for row in done.events if row["role"] == "node"}

    def reported(self):
        """The rows of `nodes list` for the channel, by node: (active version, phase, reason)."""
        shown = {}
        for name, row in self.rows().items():
            for each in row["subscriptions"]:
                shown[name] = (each["active_version"], each["phase"], each["reason"])
        return shown

    def until_reported(self, what, fits):
        def look():
            rows = self.reported()
            return len(rows) == len(self.members) and fits(rows)
        return self.until(what, look, REPORTED)

    def command(self, *words):
        return self.fleet.run(*words, "--state", self.source.state, "--key", self.key).events[-1]

    def salt_that_chooses(self, numbers):
        """A salt under which exactly the wanted number of nodes is chosen at each percentage."""
        for i in range(100_000):
            salt = f"salt-{i}"
            if all(sum(is_chosen(salt, percent, each) for each in self.ids.values()) == number for percent, number in numbers.items()):
                return salt
        return self.fail(f"no salt chooses {numbers}")

    def chosen(self, salt, percent):
        return {name for name, node_id in self.ids.items() if is_chosen(salt, percent, node_id)}

    def until_all_saw(self, sequence, members=None):
        """Durably: what follows from the pointer was decided before `status` answers again."""
        for member in members or self.members:
            path = os.path.join(member.state, "channels", *self.model.split("/"), "main.json")

            def saw(path=path):
                with open(path, encoding="utf-8") as file:
                    return json.load(file)["sequence"] >= sequence
            self.until(f"{member.name} saw sequence {sequence}", saw)

    def running(self):
        return {member.name: self.subscription(member)["active_version"] for member in self.members}

    # --- the tests ---

    def test_a_version_goes_to_the_share_that_the_salt_chooses_then_to_all_and_back_with_a_reason(self):
        first = self.publish("1.0", megabytes=4)
        self.fleet.start_seeder(self.source)
        self.start_fleet()
        for node in self.nodes.values():
            self.activated(node, "1.0")
        second = self.publish("2.0", seed=7, base=first, channel="canary")
        salt = self.salt_that_chooses({30: 3, 60: 6})
        self.until_reported("all follow", lambda rows: all(row[0] == "1.0" for row in rows.values()))

        moved = self.command("channel", "set", f"{self.model}:main", "2.0", "--percent", "30", "--salt", salt)
        self.assertEqual((set(moved["chosen"]), moved["followers"]), (self.chosen(salt, 30), 10))
        self.assert_share(moved["sequence"], self.chosen(salt, 30), first, second)
        expected = sorted([("1.0", True)] * 7 + [("2.0", False)] * 3)
        self.until_reported("who runs what, and who is left out",
                            lambda rows: sorted((version, "30 %" in reason) for version, _, reason in rows.values()) == expected)

        # The same nodes and some more: without a salt of its own, the channel keeps its salt.
        moved = self.command("channel", "set", f"{self.model}:main", "2.0", "--percent", "60")
        self.assertLess(self.chosen(salt, 30), self.chosen(salt, 60))
        self.assert_share(moved["sequence"], self.chosen(salt, 60), first, second)
        # A machine that comes in the middle of it takes what those that were not chosen run.
        late = self.late_member(salt, 60)
        self.start([late])
        self.activated(self.nodes[late.name], "1.0")

        self.command("channel", "set", f"{self.model}:main", "2.0")
        for member in self.members:
            self.activated(self.nodes[member.name], "2.0")
            self.assertEqual(self.count(self.nodes[member.name], "activated", version="2.0"), 1, "who had it does nothing")

        back = self.command("channel", "rollback", f"{self.model}:main", "--to", "1.0", "--reason", "answers in rhyme")
        for member in self.members:
            self.until(f"{member.name} is back", lambda member=member: self.subscription(member)["active_version"] == "1.0")
            self.assertIn("answers in rhyme", self.subscription(member)["note"])
            self.assert_runs(member, first)
        self.until_reported("all are back, and say why", lambda rows: all(row[0] == "1.0" and "rhyme" in row[2] for row in rows.values()))
        self.assert_history()

    def test_a_number_of_nodes_goes_first_and_the_command_names_them(self):
        first = self.publish("1.0", megabytes=1)
        self.fleet.start_seeder(self.source)
        self.start_fleet()
        for node in self.nodes.values():
            self.activated(node, "1.0")
        second = self.publish("2.0", seed=7, base=first, channel="canary")
        self.until_reported("all follow", lambda rows: all(row[0] == "1.0" for row in rows.values()))
        moved = self.command("channel", "set", f"{self.model}:main", "2.0", "--nodes", "2")
        self.assertEqual((len(moved["chosen"]), moved["followers"]), (2, 10))
        self.assert_share(moved["sequence"], set(moved["chosen"]), first, second)
        more = self.command("channel", "set", f"{self.model}:main", "2.0", "--nodes", "4")
        self.assertLess(set(moved["chosen"]), set(more["chosen"]))
        for words in (("--nodes", "10"), ("--nodes", "3", "--percent", "10"), ("--nodes", "none")):
            refused = self.fleet.run("channel", "set", f"{self.model}:main", "2.0", *words, "--state", self.source.state, "--key", self.key, check=False)
            self.assert_refused(refused, 2, "--nodes")

    def assert_share(self, sequence, chosen, first, second):
        """Exactly the chosen nodes run the second version, even when all have seen the pointer."""
        for name in chosen:
            self.activated(self.nodes[name], "2.0")
        self.until_all_saw(sequence)
        self.assertEqual(self.running(), {member.name: "2.0" if member.name in chosen else "1.0" for member in self.members})
        for member in self.members:
            self.assert_runs(member, second if member.name in chosen else first)
            if member.name not in chosen:
                self.assertEqual(self.count(self.nodes[member.name], "fetched"), 1, "who is not chosen does not even fetch it")

    def late_member(self, salt, percent):
        token = self.fleet.token("node", "--uses", "30")
        for i in range(30):
            member = self.fleet.join(f"late{i}", "node", token)
            node_id = self.rows()[member.name]["id"]
            if not is_chosen(salt, percent, node_id):
                self.members.append(member)
                self.ids[member.name] = node_id
                return member
        return self.fail("thirty nodes in a row were chosen")

    def assert_history(self):
        rows = self.fleet.run("channel", "history", f"{self.model}:main", "--state", self.source.state).events
        seen = [(row["version"], row["percent"], row.get("reason", "")) for row in rows]
        self.assertEqual(seen, [("1.0", 100, "answers in rhyme"), ("2.0", 100, ""), ("2.0", 60, ""), ("2.0", 30, ""), ("1.0", 100, "")])
        self.assertTrue(all(row["name"] == "source" and row["verified"] and row["at"] for row in rows), "who and when")
        self.assertEqual([row["at"] for row in rows], sorted((row["at"] for row in rows), reverse=True))

    def test_nodes_whose_hook_fails_halt_the_rollout_and_the_rest_stay_on_the_old_version(self):
        first = self.publish("1.0", megabytes=2)
        self.fleet.start_seeder(self.source)
        hook = self.fleet.path("hook")
        with open(hook, "w", encoding="utf-8") as file:
            file.write('#!/bin/sh\n[ "$SHOAL_HOOK_VERSION" != 2.0 ] || { echo cannot load it; exit 3; }\n')
        os.chmod(hook, os.stat(hook).st_mode | stat.S_IXUSR)
        self.start_fleet("--hook", f"exec:{hook}")
        for node in self.nodes.values():
            self.activated(node, "1.0")
        self.publish("2.0", seed=7, base=first, channel="canary")
        salt = self.salt_that_chooses({30: 3})
        tried = self.chosen(salt, 30)
        self.until_reported("all have said what they run", lambda rows: all(row[0] == "1.0" for row in rows.values()))
        off = [member for member in self.members if member.name not in tried][:3]
        for member in off:
            self.nodes[member.name].stop()
        self.command("channel", "set", f"{self.model}:main", "2.0", "--percent", "30", "--halt", "20", "--salt", salt)
        self.until("the tracker halts it", lambda: self.channel()["halted"], REPORTED)
        # All three that it goes to have tried. They do not try again.
        for member in self.members:
            if member.name in tried:
                self.until(f"{member.name} knows", lambda member=member: "halted" in self.subscription(member)["reason"], REPORTED)
        self.assert_failed_for_the_hook(tried)
        self.until_reported("why nothing moves", lambda rows: {name for name, row in rows.items() if "halted" in row[2]} == tried)
        for member in self.members:
            self.assert_runs(member, first)
        # All are allowed to go: the new pointer is halted by the fifth report, and who comes later does not even try.
        moved = self.command("channel", "set", f"{self.model}:main", "2.0", "--percent", "100", "--halt", "20")
        self.until("it is halted again", lambda: (self.channel()["sequence"], self.channel()["halted"]) == (moved["sequence"], True), REPORTED)
        self.start(off, "--hook", f"exec:{hook}")
        for member in off:
            self.until(f"{member.name} waits", lambda member=member: self.subscription(member)["phase"] == "ready", REPORTED)
            self.assertIn("halted", self.subscription(member)["reason"])
            self.assertEqual(self.count(self.nodes[member.name], "failed"), 0)
        for member in self.members:
            self.assert_runs(member, first)
        # Resumed, it is a new pointer to the same version.
        resumed = self.command("channel", "resume", f"{self.model}:main")
        self.assertEqual((resumed["version"], resumed["sequence"]), ("2.0", moved["sequence"] + 1))

    def test_failures_from_before_a_version_was_set_again_do_not_halt_it_and_the_nodes_try_at_once(self):
        first = self.publish("1.0", megabytes=2)
        self.fleet.start_seeder(self.source)
        hook, mended = self.fleet.path("hook"), self.fleet.path("mended")
        with open(hook, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\n[ "$SHOAL_HOOK_VERSION" != 2.0 ] || [ -e {mended} ] || {{ echo cannot load it; exit 3; }}\n')
        os.chmod(hook, os.stat(hook).st_mode | stat.S_IXUSR)
        self.start_fleet("--hook", f"exec:{hook}", count=3)
        for node in self.nodes.values():
            self.activated(node, "1.0")
        second = self.publish("2.0", seed=7, base=first, channel="canary")
        self.command("channel", "set", f"{self.model}:main", "2.0")
        # The fourth failure in a row: the next try would come 40 s later.
        for node in self.nodes.values():
            self.until_count(node, "failed", 4)
        with open(mended, "w", encoding="utf-8"):
            pass
        moved = self.command("channel", "set", f"{self.model}:main", "2.0", "--halt", "20")
        began = time.monotonic()
        for member in self.members:
            self.activated(self.nodes[member.name], "2.0", 30)
            self.assert_runs(member, second)
        self.assertLess(time.monotonic() - began, 30, "not when the next try would have come")
        self.assertEqual((self.channel()["sequence"], self.channel()["halted"]), (moved["sequence"], False))

    def assert_failed_for_the_hook(self, chosen):
        """At least one node failed, all that did are of the chosen, and each says what its hook said."""
        reasons = {name: [event["reason"] for event in list(node.events) if event.get("type") == "failed"] for name, node in self.nodes.items()}
        failed = {name for name in reasons if reasons[name]}
        self.assertTrue(failed and failed <= chosen, f"{failed} of {chosen}")
        for name in failed:
            self.assertIn("cannot load it", reasons[name][0])

    def channel(self):
        rows = self.fleet.run("channel", "list", self.model, "--state", self.source.state).events
        return next(row for row in rows if row["channel"] == "main")

    @unittest.skipUnless(OWN_NETWORK in sys.argv, "skipped: this system lets nobody make a network of his own")
    def test_one_changed_hundredth_costs_about_a_hundredth_and_the_way_back_no_content_at_all(self):
        first = self.publish("1.0", megabytes=12)
        size = size_below(first)
        self.fleet.start_seeder(self.source)
        before = bytes_on_the_wire()
        self.start_fleet()
        for node in self.nodes.values():
            self.activated(node, "1.0")
        whole = bytes_on_the_wire() - before
        self.assertGreater(whole, 10 * size, "the count sees the content")
        self.publish("2.0", seed=7, base=first, channel="canary")
        before = bytes_on_the_wire()
        self.command("channel", "set", f"{self.model}:main", "2.0")
        for node in self.nodes.values():
            self.activated(node, "2.0")
        part = bytes_on_the_wire() - before
        # A changed piece crosses loopback at both ends of a link, and metainfo and messages add to it.
        self.assertLess(part, whole * 0.08, f"{part} bytes for a hundredth, {whole} for the whole")
        before = bytes_on_the_wire()
        self.command("channel", "rollback", f"{self.model}:main", "--reason", "as a test")
        for node in self.nodes.values():
            self.until_count(node, "activated", 2, version="1.0")
        back = bytes_on_the_wire() - before
        self.assertLess(back, size / 10, f"{back} bytes of talk on ten nodes: two pieces for each would be more")
        for member in self.members:
            self.assert_runs(member, first)
            self.assertEqual(self.count(self.nodes[member.name], "fetched"), 2, "nothing is fetched on the way back")


if __name__ == "__main__":
    if OWN_NETWORK not in sys.argv:
        in_own_network()
    unittest.main(verbosity=2, argv=[word for word in sys.argv if word != OWN_NETWORK])
