"""Fetches of which nothing arrives: each says why, in every place where an operator looks, and goes on by itself when the reason is gone."""
import json
import os
import shutil
import signal
import subprocess
import sys
import unittest
import urllib.request

from cases import FleetCase
from fleet import free_port

SOON = ("--stall-after", "4s")


def in_own_namespace():
    """Runs this program again where it may mount; false where the system does not let it."""
    words = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    if shutil.which("unshare") is None or subprocess.run([*words, "true"], check=False, capture_output=True).returncode != 0:
        return False
    os.execvp("unshare", [*words, sys.executable, *sys.argv, "--mounted"])


class Looking(FleetCase):
    """Where an operator looks."""

    def setUp(self):
        super().setUp()
        self.original = self.published(6)

    def pull(self, name, *extra):
        return self.fleet.pull(self.fleet.join(name), "acme/model", *SOON, *extra)

    def assert_stalls(self, process, reason, *words):
        """The event, and the words of the progress beside it."""
        event = process.wait_event("stalled", 60, lambda line: line["reason"] == reason)
        for word in words:
            self.assertIn(word, event["text"])
        return event

    def assert_goes_on(self, pull):
        self.assert_same(self.original, pull.complete(120)["path"])
        pull.wait_event("resumed", 5)

        def events():
            with open(pull.log_path, encoding="utf-8") as log:
                return [json.loads(line).get("event") for line in log if line.startswith("{")]

        # The watch looks once a second, and when the process ends: the log may come after what the fetch itself has said.
        told = self.until("the log tells that it goes on", lambda: "fetch_resumed" in events() and events(), deadline=10)
        self.assertLess(told.index("fetch_stalled"), told.index("fetch_resumed"))

    def in_the_middle(self, name="node", *extra):
        pull = self.pull(name, *extra)
        pull.wait_event("progress", 60, lambda event: event["total"] > 0 and 0.1 * event["total"] <= event["done"] < event["total"])
        return pull

    def status_of(self, node):
        done = self.fleet.run("status", "--state", node.state, check=False)
        return next(event for event in done.events if event["type"] == "node")["subscriptions"][0]

    def row_of(self, name):
        done = self.fleet.run("nodes", "list", "--state", self.source.state)
        rows = [event for event in done.events if event["type"] == "node" and event["name"] == name]
        return rows[0]["subscriptions"][0] if rows and rows[0]["subscriptions"] else {}

    def text_of(self, *words):
        command = [self.fleet.shoal, *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout

    @staticmethod
    def stalled_fetches(port):
        """{reason: count} of the gauge."""
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
            lines = page.read().decode().splitlines()
        found = [line for line in lines if line.startswith("shoal_fetches_stalled{")]
        return {line.split('"')[1]: float(line.split()[-1]) for line in found}


class Stalls(Looking):
    # --- each reason, in a pull ---

    def test_the_tracker_names_nobody(self):
        pull = self.pull("node")
        waiting = pull.wait_event("progress", 30, lambda event: event.get("stall"))["stall"]
        self.assertEqual((waiting["reason"], waiting["stalled"]), ("no_peers", False))
        self.assert_stalls(pull, "no_peers", "the tracker names none")
        self.fleet.start_seeder(self.source)
        self.assert_goes_on(pull)

    def test_the_only_source_is_gone(self):
        seeder = self.fleet.start_seeder(self.source, "--upload-limit", "500kB")
        pull = self.in_the_middle()
        seeder.kill()
        event = pull.wait_event("stalled", 60, lambda line: line["reason"] in ("unreachable", "no_peers"))
        self.assertGreaterEqual(event["seconds"], 4)
        self.fleet.start_seeder(self.source)
        self.assert_goes_on(pull)

    def test_the_only_source_stands_still(self):
        seeder = self.fleet.start_seeder(self.source, "--upload-limit", "500kB")
        pull = self.in_the_middle()
        seeder.send(signal.SIGSTOP)
        try:
            event = pull.wait_event("stalled", 60)
            self.assertIn(event["reason"], ("silent", "unreachable"))
        finally:
            seeder.send(signal.SIGCONT)
        self.assert_goes_on(pull)

    def test_the_peers_have_no_pieces(self):
        pulls = [self.pull("first"), self.pull("second")]
        for pull in pulls:
            self.assert_stalls(pull, "no_pieces", "1 peer connected")
        self.fleet.start_seeder(self.source)
        for pull in pulls:
            self.assert_goes_on(pull)

    def test_the_tracker_is_away_and_nobody_is_known(self):
        seeder = self.fleet.start_seeder(self.source, "--upload-limit", "500kB")
        pull = self.in_the_middle()
        seeder.kill()
        self.fleet.tracker.kill()
        self.assert_stalls(pull, "tracker", f"127.0.0.1:{self.fleet.port}")
        self.fleet.start_tracker("--announce-interval", "5s")
        self.fleet.start_seeder(self.source)
        self.assert_goes_on(pull)

    def test_a_source_that_comes_back_while_the_tracker_is_away_is_dialled_again(self):
        """The engine gives a peer up after four failures, unless somebody names it again; and nobody does."""
        listen = f"127.0.0.1:{free_port()}"

        def seed():
            seeder = self.fleet.start("seed", "seed", "--state", self.source.state, "--listen", listen, "--upload-limit", "500kB")
            seeder.wait_event("seeding")
            return seeder

        seeder = seed()
        pull = self.in_the_middle()
        seeder.kill()
        self.fleet.tracker.kill()
        pull.wait_event("progress", 120, lambda event: event.get("stall") and event["stall"]["seconds"] >= 25)
        seed()
        self.assert_goes_on(pull)

    # --- in all places, while a node runs ---

    def test_a_limit_that_lets_nothing_through_is_seen_everywhere_and_the_fetch_goes_on_without_it(self):
        self.fleet.start_seeder(self.source)
        node, port = self.fleet.join("slow"), free_port()
        run = self.fleet.start_node(node, "--follow", "acme/model:main", *SOON, "--download-limit", "200", "--metrics", f"127.0.0.1:{port}")
        event = self.assert_stalls(run, "throttled", "200 B/s")
        self.assertEqual((event["model"], event["channel"]), ("acme/model", "main"))

        stall = self.status_of(node)["progress"]["stall"]
        self.assertEqual((stall["reason"], stall["stalled"]), ("throttled", True))
        self.assertRegex(self.text_of("status", "--state", node.state), r"fetching .*stalled for .*: the download limit \(200 B/s\)")
        row = self.until("the tracker hears of it", lambda: (row := self.row_of("slow")).get("stall") and row)
        self.assertEqual((row["stall"], row["reason"]), ("throttled", "stalled: the download limit"))
        self.assertIn("stalled: the download limit", self.text_of("nodes", "list", "--state", self.source.state))
        counts = self.stalled_fetches(port)
        self.assertEqual(counts["throttled"], 1)
        self.assertEqual(sum(counts.values()), 1)

        self.fleet.run("limit", "--download", "0", "--state", node.state)
        run.wait_event("resumed", 60)
        run.wait_event("activated", 60)
        self.until("the gauge, which is a second late, shows none", lambda: sum(self.stalled_fetches(port).values()) == 0, 10)
        self.until("the tracker hears of the end", lambda: self.row_of("slow").get("phase") == "active")
        self.assertEqual((self.row_of("slow")["stall"], self.row_of("slow")["reason"]), ("", ""))

    def test_people_see_the_reason_too(self):
        node = self.fleet.join("node")
        log = self.fleet.path("stderr.txt")
        command = [self.fleet.shoal, "pull", "acme/model", "--state", node.state, "--listen", "127.0.0.1:0", "--stall-after", "12s"]
        with open(log, "wb") as errors, subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors) as pull:
            try:
                def said():
                    with open(log, encoding="utf-8") as text:
                        return text.read()

                self.until("it waits", lambda: "waiting: no peers (the tracker names none)" in said())
                self.until("it is stalled", lambda: "stalled for" in said())
                self.fleet.start_seeder(self.source)
                self.assertEqual(pull.wait(60), 0)
                self.assertRegex(said(), r"goes on after \d+")
            finally:
                if pull.poll() is None:
                    pull.kill()

    def test_a_time_that_is_no_time_is_refused(self):
        done = self.fleet.run("pull", "acme/model", "--state", self.fleet.join("node").state, "--stall-after", "0s", check=False)
        self.assert_refused(done, 2, "--stall-after", "at least 1s")


class FullDisk(Looking):
    """Only where a file system may be mounted."""

    def test_a_full_disk_is_said_and_the_node_goes_on_when_there_is_room(self):
        disk = self.fleet.path("small")
        os.makedirs(disk)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "none", disk], check=True)
        self.addCleanup(subprocess.run, ["umount", "--lazy", disk], check=True)
        node = self.fleet.join("small")
        filler = os.path.join(disk, "filler")
        with open(filler, "wb") as file:
            file.write(bytes(30 << 20))
        self.fleet.start_seeder(self.source)
        run = self.fleet.start_node(node, "--follow", "acme/model:main", *SOON)
        failed = run.wait_event("failed", 60)
        self.assertEqual(failed["code"], "no_space")
        self.assertIn("are needed", self.status_of(node)["reason"])
        self.until("the tracker hears of it", lambda: "are needed" in self.row_of("small").get("reason", ""))
        os.remove(filler)
        run.wait_event("activated", 120)


if __name__ == "__main__":
    if "--mounted" not in sys.argv and not in_own_namespace():
        print("the full disk is left out: this system lets nobody mount a file system of his own")
        del FullDisk
    sys.argv = [word for word in sys.argv if word != "--mounted"]
    unittest.main(verbosity=2)
