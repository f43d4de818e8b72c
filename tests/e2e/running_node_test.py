"""Commands on the state directory of a node that runs: the node does the work, or the error names it and the way out."""
import os
import pty
import signal
import subprocess
import unittest

from cases import FleetCase, files_below, make_model
from fleet import clean_environment


class RunningNode(FleetCase):
    def setUp(self):
        super().setUp()
        self.first = self.published(8, "1", seed=1)
        self.second = self.published(8, "2", seed=9)
        self.seeder = self.fleet.start_seeder(self.source)
        self.member = self.fleet.join("node")

    def node(self, *extra):
        return self.fleet.start_node(self.member, *extra)

    def link(self, name):
        return os.path.join(self.member.state, "models", "acme", "model", name)

    def in_words(self, *words):
        """A command without --json: its exit code and both outputs."""
        command = [self.fleet.shoal, *words, "--state", self.member.state]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, env=clean_environment(), check=False)

    def test_a_pull_beside_a_node_reports_the_same_as_without_one(self):
        alone = self.fleet.pull(self.fleet.join("alone"), "acme/model@1")
        alone.complete()
        self.assertEqual(alone.wait(), 0)
        node = self.node("--follow", "acme/model:main")
        node.wait_event("activated", 60)
        pull = self.fleet.pull(self.member, "acme/model@1")
        done = pull.complete()
        self.assertEqual(pull.wait(), 0)
        self.assertEqual(set(done), set(alone.complete()))
        self.assertEqual(done["link"], self.link("@1"))
        self.assertGreater(done["bytes_from_source"], 0)
        self.assertEqual(set(pull.last("progress")), set(alone.last("progress")))
        self.assert_same(self.first, self.link("@1"))
        again = self.in_words("pull", "acme/model@1")
        self.assertEqual((again.returncode, again.stdout.splitlines()[-1]), (0, self.link("@1")), again.stderr)
        self.assertIn(f"this version stays in {os.path.join(self.member.state, 'releases')}/", again.stdout)
        self.seeder.stop()
        self.fleet.pull(self.fleet.join("late"), "acme/model@1").complete()  # the node serves it

    def test_errors_of_a_pull_beside_a_node_have_their_own_exit_codes(self):
        self.node()
        for reference, code, word in (("acme/model@9", 10, "no version 9"), ("acme/none", 10, "no model acme/none"), ("acme", 2, "acme")):
            done = self.fleet.run("pull", reference, "--state", self.member.state, check=False)
            self.assert_refused(done, code, word)
        self.fleet.tracker.stop()
        self.assert_refused(self.fleet.run("pull", "acme/model@1", "--state", self.member.state, check=False), 13)

    def test_the_link_of_a_followed_channel_moves_by_the_node_alone(self):
        mark = self.fleet.path("hook-ran")
        node = self.node("--follow", "acme/model:main", "--hook", f"exec:/usr/bin/touch {mark}")
        node.wait_event("activated", 60)
        done = self.in_words("pull", "acme/model")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.splitlines()[-1], self.link("main"))
        self.assertTrue(os.path.exists(mark))

    def test_ctrl_c_ends_the_wait_and_says_what_the_node_does(self):
        for limit, follow, word in (("200kB", (), "the node stopped fetching acme/model@1"),
                                    ("200kB", ("--follow", "acme/model:main"), "the node goes on fetching acme/model@2 for acme/model:main")):
            node = self.node("--download-limit", limit, *follow)
            pull = self.fleet.pull(self.member, "acme/model@2" if follow else "acme/model@1")
            pull.wait_event("progress", 60, lambda event: event["done"] > 0)
            pull.send(signal.SIGINT)
            self.assertEqual(pull.wait(20), 130)
            self.assertIn(word, pull.last("error")["message"])
            self.assertEqual(bool(self.pulls()), False)
            self.assertEqual(node.stop(), 0)

    def pulls(self):
        status = self.fleet.run("status", "--state", self.member.state)
        return next(event for event in status.events if event["type"] == "node")["pulls"]

    def test_a_pull_that_runs_is_in_status(self):
        self.node("--download-limit", "200kB")
        pull = self.fleet.pull(self.member, "acme/model@1")
        pull.wait_event("progress", 60, lambda event: event["done"] > 0)
        self.assertEqual([each["reference"] for each in self.pulls()], ["acme/model@1"])
        self.assertIn("pulling acme/model@1", self.in_words("status").stdout)
        pull.send(signal.SIGINT)
        pull.wait(20)

    def test_a_node_that_ends_during_a_pull_says_so(self):
        node = self.node("--download-limit", "200kB")
        pull = self.fleet.pull(self.member, "acme/model@1")
        pull.wait_event("progress", 60, lambda event: event["done"] > 0)
        self.assertEqual(node.stop(), 0)
        self.assertEqual(pull.wait(20), 1)
        self.assertIn("what was fetched is kept", pull.last("error")["message"])

    def test_verify_repair_is_made_by_the_node_which_serves_again(self):
        node = self.node("--follow", "acme/model:main")
        node.wait_event("activated", 60)
        path = os.path.join(self.link("main"), "weights-1.bin")
        with open(path, "r+b") as file:
            file.seek(100_000)
            file.write(b"x")
        done = self.fleet.run("verify", "acme/model", "--repair", "--state", self.member.state)
        self.assertEqual([event["type"] for event in done.events if event["type"] in ("verified", "repaired")], ["verified", "repaired"])
        self.assert_same(self.second, self.link("main"))
        self.seeder.stop()
        self.fleet.pull(self.fleet.join("late"), "acme/model").complete()

    def test_pins_go_through_the_node(self):
        self.node("--follow", "acme/model:main").wait_event("activated", 60)
        self.fleet.run("pin", "acme/model", "--reason", "audit", "--state", self.member.state)
        status = self.in_words("status").stdout
        self.assertIn("pinned acme/model@2", status)
        self.fleet.run("unpin", "acme/model", "--state", self.member.state)
        self.assertEqual(self.fleet.run("unpin", "acme/model", "--state", self.member.state, check=False).code, 10)

    def test_what_the_node_cannot_do_names_it_and_the_way_out(self):
        node = self.node()
        process = f"process {node.pid} (shoal node run)"
        outside = self.fleet.path("outside")
        for words, way in ((("pull", "acme/model", "--to", outside), "pull without it"),
                           (("verify", "acme/model", "--in", self.first, "--repair"), "leave it out"),
                           (("node", "run", "--listen", "127.0.0.1:0"), "a --state of its own")):
            done = self.in_words(*words)
            self.assertEqual(done.returncode, 1)
            self.assertIn(process, done.stderr)
            self.assertIn(way, done.stderr)
        self.assertFalse(os.path.exists(outside))

    def test_a_publish_beside_a_seeder_names_it(self):
        directory = make_model(self.fleet.path("third"), 1, 20)
        done = self.fleet.publish(self.source, directory, "acme/model", "3", "--seed", check=False)
        self.assert_refused(done, 1, f"process {self.seeder.pid} (shoal seed)", "omit --seed")

    def test_closing_a_terminal_ends_what_was_started_in_it(self):
        child, terminal = pty.fork()
        if child == 0:
            words = [self.fleet.shoal, "node", "run", "--state", self.member.state, "--listen", "127.0.0.1:0"]
            os.execve(words[0], words, clean_environment())
        self.until("the node runs", lambda: os.path.exists(os.path.join(self.member.state, "control.sock")))
        os.close(terminal)
        _, status = os.waitpid(child, 0)
        self.assertTrue(os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0, status)
        self.assertNotIn("control.sock", files_below(self.member.state))


if __name__ == "__main__":
    unittest.main()
