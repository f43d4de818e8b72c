"""Bad days of a fleet that follows: a version that is taken back while it is fetched, a full disk, a hook that hangs, formats that
execute code, certificates that end. The active version stays active, and `shoal status` says what is wrong."""
import contextlib
import datetime
import os
import pickle
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import unittest

from cases import FleetError, make_model, write
from space_test import MIB, punch_what_is_empty
from versions import VersionsCase

OWN_MOUNTS = "--own-mounts"


def with_own_mounts():
    """Runs this program again where it may mount; returns where the system does not let it."""
    words = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    if shutil.which("unshare") and subprocess.run([*words, "true"], check=False, capture_output=True).returncode == 0:
        os.execvp("unshare", [*words, sys.executable, *sys.argv, OWN_MOUNTS])


class BadDays(VersionsCase):
    def follower(self, name, *extra):
        member = self.fleet.join(name)
        return member, self.fleet.start_node(member, "--follow", self.model, *extra)

    def rollback(self, reason):
        self.fleet.run("channel", "rollback", f"{self.model}:main", "--reason", reason, "--state", self.source.state, "--key",
                       self.fleet.path("keys", "publisher.key"))

    def progress(self, member):
        return (self.subscription(member).get("progress") or {}).get("done", 0)

    def reported(self, name):
        done = self.fleet.run("nodes", "list", "--state", self.source.state)
        row = next(each for each in done.events if each["name"] == name)
        return (row["subscriptions"] or [{"reason": "", "active_version": "", "phase": ""}])[0]

    def script(self, name, text):
        path = self.fleet.path(name)
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n" + text)
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
        return path


class Withdrawn(BadDays):
    def setUp(self):
        """Half of the fleet runs 2.0 already; the other half runs 1.0 and fetches 2.0, for a minute or more."""
        super().setUp()
        self.first = self.publish("1.0", megabytes=2)
        seeder = self.fleet.start_seeder(self.source)
        self.switched, fast = self.follower("switched")
        self.fetching, self.slow = self.follower("fetching")
        for node in (fast, self.slow):
            self.activated(node, "1.0")
        self.slow.stop()
        self.second = self.publish("2.0", seed=50, megabytes=24)
        self.activated(fast, "2.0")
        seeder.stop()
        self.fleet.start_seeder(self.source, "--upload-limit", "150kB")
        self.fleet.run("limit", "--state", self.switched.state, "--upload", "150kB", "--for", "1h")
        self.slow = self.fleet.start_node(self.fetching, "--follow", self.model)
        self.until("it is fetched", lambda: self.progress(self.fetching) > 0)

    def test_a_version_that_is_taken_back_while_half_of_the_fleet_fetches_it_is_fetched_no_further(self):
        visitor = self.fleet.join("visitor")
        pull = self.fleet.pull(visitor, f"{self.model}@2.0")
        pull.wait_event("progress", 60, lambda event: event["done"] > 0)
        self.rollback("leaks names")
        self.fleet.run("release", "withdraw", self.model, "2.0", "--reason", "leaks names", "--state", self.source.state,
                       "--key", self.fleet.path("keys", "publisher.key"))
        self.assertEqual(pull.wait(60), 10)
        self.assertIn("was withdrawn: leaks names", pull.last("error")["message"])
        self.until("the one that runs it goes back", lambda: self.subscription(self.switched)["active_version"] == "1.0")
        for member in (self.switched, self.fetching):
            self.until("it is settled", lambda member=member: self.subscription(member)["phase"] == "active")
            row = self.subscription(member)
            self.assertEqual((row["active_version"], row.get("progress")), ("1.0", None))
            self.assertIn("leaks names", row["note"])
            self.assert_runs(member, self.first)
        self.assertEqual(self.count(self.slow, "fetched", version="2.0"), 0)
        self.fleet.run("gc", "--state", self.fetching.state)
        self.assertEqual(os.listdir(os.path.join(self.fetching.state, "incoming")), [])

    def test_a_node_whose_channel_still_names_what_was_withdrawn_stops_with_the_reason_and_keeps_what_is_active(self):
        """The tracker refuses this order of things; one that was restored, or is lied to, may have it."""
        self.fleet.tracker.stop()
        with contextlib.closing(sqlite3.connect(self.fleet.path("tracker", "tracker.db"))) as database, database:
            database.execute("UPDATE releases SET withdrawn = 1700000000, withdrawn_reason = 'leaks names' WHERE version = '2.0'")
        self.fleet.start_tracker("--announce-interval", "5s")
        failed = self.slow.wait_event("failed", 60)
        self.assertIn("was withdrawn: leaks names", failed["reason"])
        row = self.subscription(self.fetching)
        self.assertEqual(row["active_version"], "1.0")
        self.assertIn("was withdrawn: leaks names", row["reason"])
        self.assert_runs(self.fetching, self.first)
        self.assertEqual(self.subscription(self.switched)["active_version"], "2.0")
        self.assert_runs(self.switched, self.second)
        self.until("the fleet is told", lambda: "was withdrawn" in self.reported("fetching")["reason"])


class FullDisk(BadDays):
    @unittest.skipUnless(OWN_MOUNTS in sys.argv, "skipped: this system lets nobody mount a file system of his own")
    def test_a_disk_that_fills_up_in_the_middle_of_reuse_is_named_and_the_node_goes_on_when_there_is_room(self):
        first = self.publish("1.0", megabytes=16)
        self.fleet.start_seeder(self.source)
        disk = self.fleet.path("small")
        os.makedirs(disk)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", disk], check=True)
        self.addCleanup(subprocess.run, ["umount", "--lazy", disk], check=True)
        member, node = self.follower("small", "--download-limit", "1MB")
        self.activated(node, "1.0")
        # One half is here already, the other is not.
        second = shutil.copytree(first, self.fleet.path("model-2.0"))
        write(os.path.join(second, "weights-2.bin"), 8_000_000, 77)
        self.fleet.publish(self.source, second, self.model, "2.0")
        self.until("in the middle", lambda: self.progress(member) > 1_000_000)
        node.send(signal.SIGSTOP)
        below = os.path.join(member.state, "incoming", os.listdir(os.path.join(member.state, "incoming"))[0])
        self.assertGreater(sum(punch_what_is_empty(os.path.join(below, name)) for name in ("weights-1.bin", "weights-2.bin")), 20)
        filler = self.fill(disk)
        node.send(signal.SIGCONT)
        failed = node.wait_event("failed", 60)
        self.assertEqual(failed["code"], "no_space")
        self.assertIn("No space left on device", failed["reason"])
        self.assert_runs(member, first)
        os.remove(filler)
        self.activated(node, "2.0")
        self.assert_runs(member, second)
        fetched = node.wait_event("fetched", 5, lambda event: event["version"] == "2.0")
        self.assertLess(fetched["bytes_from_source"] + fetched["bytes_from_peers"], 0.6 * fetched["bytes"], "what was here was used")

    @staticmethod
    def fill(disk):
        path = os.path.join(disk, "filler")
        with open(path, "wb", buffering=0) as file:
            for size in (MIB, 4096):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))
        return path


class Hooks(BadDays):
    def test_a_hook_that_hangs_is_ended_with_its_children_and_the_switch_is_undone_and_reported(self):
        first = self.publish("1.0", megabytes=2)
        self.fleet.start_seeder(self.source)
        pids = self.fleet.path("pids")
        hook = self.script("hook", f'[ "$SHOAL_HOOK_VERSION" = 1.0 ] && exit 0\ntrap "" TERM\n(trap "" TERM; while :; do sleep 1; done) &\n'
                                   f'echo $$ $! >> {pids}\necho waiting for the server\nwait\n')
        member, node = self.follower("node", "--hook", f"exec:{hook}", "--hook-timeout", "2s")
        self.activated(node, "1.0")
        self.publish("2.0", seed=5, base=first)
        failed = node.wait_event("failed", 60)
        for word in ("ran longer than 2", "waiting for the server"):
            self.assertIn(word, failed["reason"])
        row = self.subscription(member)
        self.assertEqual((row["active_version"], row["wanted_version"]), ("1.0", "2.0"))
        self.assert_runs(member, first)
        with open(pids, encoding="utf-8") as file:
            for pid in file.readline().split():
                self.until(f"process {pid} is gone", lambda pid=pid: not self.runs(int(pid)), 10)
        self.until("the fleet is told", lambda: "ran longer" in self.reported("node")["reason"])
        self.assertEqual(self.reported("node")["active_version"], "1.0")

    @staticmethod
    def runs(pid):
        """A zombie does not: its parent was killed with it, and nobody may be there to reap it."""
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
        except OSError:
            return False


class CodeFormats(BadDays):
    def publish_pickle(self, version, *extra):
        directory = make_model(self.fleet.path("model-" + version), 2, hash(version) % 1000)
        with open(os.path.join(directory, "tokenizer.dat"), "wb") as file:
            pickle.dump(print, file)  # a harmless name; only the content tells
        self.fleet.publish(self.source, directory, self.model, version, *extra)
        return directory

    def test_formats_that_execute_code_need_the_consent_of_both_and_what_is_active_stays(self):
        first = self.publish("1.0", megabytes=2)
        self.fleet.start_seeder(self.source)
        strict, careful = self.follower("careful")
        open_minded, careless = self.follower("careless", "--allow-code-formats")
        for node in (careful, careless):
            self.activated(node, "1.0")
        with self.assertRaisesRegex(FleetError, "tokenizer.dat.*publish it with --allow-code-formats"):
            self.publish_pickle("2.0")
        third = self.publish_pickle("3.0", "--allow-code-formats")
        self.activated(careless, "3.0")
        self.assert_runs(open_minded, third)
        careful.wait_event("failed", 60, lambda event: "this machine must allow it" in event["reason"])
        self.assertEqual(self.subscription(strict)["active_version"], "1.0")
        self.assert_runs(strict, first)
        self.until("the fleet is told", lambda: "must allow it" in self.reported("careful")["reason"])
        self.assertEqual(os.listdir(os.path.join(open_minded.state, "incoming")), [])
        self.assertEqual(len(os.listdir(os.path.join(strict.state, "incoming"))), 1, "what was fetched is kept")

    def test_a_consent_that_is_taken_back_holds_for_what_is_here_already(self):
        self.fleet.start_seeder(self.source)
        member, careless = self.follower("careless", "--allow-code-formats")
        self.publish_pickle("1.0", "--allow-code-formats")
        self.activated(careless, "1.0")
        second = self.publish("2.0", megabytes=2)
        self.activated(careless, "2.0")
        careless.stop()
        careful = self.fleet.start_node(member, "--follow", self.model)
        self.rollback("as a test")
        failed = careful.wait_event("failed", 60)
        self.assertEqual(failed["code"], "verification")
        self.assertIn("this machine must allow it", failed["reason"])
        self.assertEqual(self.subscription(member)["active_version"], "2.0")
        self.assert_runs(member, second)


class Cache(BadDays):
    def test_a_first_version_whose_hook_fails_is_not_left_in_the_hugging_face_cache(self):
        self.publish("1.0", megabytes=2)
        self.fleet.start_seeder(self.source)
        cache = self.fleet.path("hub")
        member, node = self.follower("node", "--hf-cache", cache, "--hook", "exec:/bin/false")
        node.wait_event("failed", 60)
        self.assertFalse(os.path.lexists(os.path.join(member.state, "models", self.model, "main")))
        self.assertEqual(os.listdir(os.path.join(cache, "models--acme--model", "refs")), [])

    def test_a_hugging_face_cache_that_cannot_follow_takes_the_switch_back_until_it_can(self):
        first = self.publish("1.0", megabytes=2)
        self.fleet.start_seeder(self.source)
        cache, heard = self.fleet.path("hub"), self.fleet.path("heard")
        hook = self.script("hook", f'echo "$SHOAL_HOOK_VERSION" >> {heard}\n')
        member, node = self.follower("node", "--hf-cache", cache, "--hook", "exec:" + hook)
        self.activated(node, "1.0")
        reference = os.path.join(cache, "models--acme--model", "refs", "main")
        os.remove(reference)
        write(os.path.join(reference, "in the way"), 1, 1)
        second = self.publish("2.0", seed=7, base=first)
        failed = node.wait_event("failed", 60)
        self.assertIn("Hugging Face cache", failed["reason"])
        self.assert_runs(member, first)
        with open(heard, encoding="utf-8") as file:
            self.assertEqual(set(file.read().split()), {"1.0"})
        shutil.rmtree(reference)
        release = self.activated(node, "2.0")["release"]
        self.assert_cache(cache, member, release, second)

    def test_the_hugging_face_cache_follows_each_switch_and_shares_the_files(self):
        first = self.publish("1.0", megabytes=2)
        self.fleet.start_seeder(self.source)
        cache = self.fleet.path("hub")
        member, node = self.follower("node", "--hf-cache", cache)
        releases = {"1.0": self.activated(node, "1.0")["release"]}
        self.assert_cache(cache, member, releases["1.0"], first)
        second = self.publish("2.0", seed=7, base=first)
        releases["2.0"] = self.activated(node, "2.0")["release"]
        self.assert_cache(cache, member, releases["2.0"], second)
        self.rollback("as a test")
        self.until_count(node, "activated", 2, version="1.0")
        self.assert_cache(cache, member, releases["1.0"], first)

    def assert_cache(self, cache, member, release, original):
        model = os.path.join(cache, "models--acme--model")
        with open(os.path.join(model, "refs", "main"), encoding="ascii") as file:
            self.assertEqual(file.read(), release[:40])
        snapshot = os.path.join(model, "snapshots", release[:40])
        self.assert_same(original, snapshot)
        for name in ("weights-1.bin", "config.json"):
            self.assertTrue(os.path.samefile(os.path.join(snapshot, name), os.path.join(member.state, "releases", release, name)), name)


class Certificates(BadDays):
    def test_a_node_that_runs_beyond_its_certificates_life_renews_it_and_shows_it(self):
        self.fleet.tracker.stop()
        self.fleet.start_tracker("--announce-interval", "2s", "--certificate-life", "12s")
        first = self.publish("1.0", megabytes=2)
        self.fleet.start_seeder(self.source)
        member, node = self.follower("node")
        self.activated(node, "1.0")
        before = self.status(member)
        self.assertLessEqual(before["certificate_seconds_left"], 12)
        end = datetime.datetime.fromisoformat(before["certificate_until"].replace("Z", "+00:00"))
        self.until("it is renewed", lambda: self.status(member)["certificate_until"] > before["certificate_until"], 30)
        self.until("the first one is over", lambda: datetime.datetime.now(datetime.timezone.utc) > end, 30)
        # Every link that is made from now on is made with the new one.
        second = self.publish("2.0", seed=7, base=first)
        self.activated(node, "2.0")
        self.assert_runs(member, second)
        self.assertGreater(self.status(member)["certificate_seconds_left"], 0)


if __name__ == "__main__":
    if OWN_MOUNTS not in sys.argv:
        with_own_mounts()
    unittest.main(verbosity=2, argv=[word for word in sys.argv if word != OWN_MOUNTS])
