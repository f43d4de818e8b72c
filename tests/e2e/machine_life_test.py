"""Events in the life of a machine besides fetching: a pull before it follows, a copied disk, a hook that fails, a container without an init."""
import json
import os
import shutil
import subprocess
import time
import unittest

from cases import FleetCase
from fleet import clean_environment


class MachineLife(FleetCase):
    def setUp(self):
        super().setUp()
        self.published(4, "1", seed=1)
        self.fleet.start_seeder(self.source)
        self.member = self.fleet.join("node")

    def hook(self, text):
        path = self.fleet.path("hook")
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n" + text)
        os.chmod(path, 0o755)
        return f"exec:{path}"

    def rows(self):
        return [event for event in self.fleet.run("nodes", "list", "--state", self.source.state).events if event["type"] == "node"]

    def row_of(self, condition, deadline=30):
        end = time.monotonic() + deadline
        while not any(condition(row) for row in self.rows()):
            self.assertLess(time.monotonic(), end, self.rows())
            time.sleep(0.3)
        return next(row for row in self.rows() if condition(row))

    def test_a_node_adopts_what_a_pull_has_shown_and_runs_its_hook(self):
        self.fleet.pull(self.member, "acme/model").complete()
        mark = self.fleet.path("hook-ran")
        hook = self.hook(f'[ "$SHOAL_HOOK_VERSION" = 1 ] && echo x >> {mark}\n')
        node = self.fleet.start_node(self.member, "--follow", "acme/model:main", "--hook", hook)
        self.assertEqual(node.wait_event("activated", 30)["version"], "1")
        node.stop()
        again = self.fleet.start_node(self.member, "--follow", "acme/model:main", "--hook", hook)
        again.wait_event("running", 30)
        self.row_of(lambda row: any(each["phase"] == "active" for each in row["subscriptions"]))
        with open(mark, encoding="utf-8") as file:
            self.assertEqual(file.read(), "x\n", "the hook runs once for one version")

    def test_a_hook_that_fails_for_what_a_pull_has_shown_leaves_it_there(self):
        link = self.fleet.pull(self.member, "acme/model").complete()["link"]
        node = self.fleet.start_node(self.member, "--follow", "acme/model:main", "--hook", self.hook("exit 3\n"))
        self.assertIn("failed (exit 3)", node.wait_event("failed", 30)["reason"])
        self.assertTrue(os.path.exists(os.path.join(link, "config.json")) or os.listdir(link))

    def test_a_copied_machine_is_noticed(self):
        copy = self.fleet.path("copy")
        shutil.copytree(self.member.state, copy)
        for state in (self.member.state, copy):
            self.fleet.start("node", "node", "run", "--state", state, "--listen", "127.0.0.1:0", "--follow", "acme/model:main").wait_event("activated", 60)
        self.row_of(lambda row: "held_twice" in row, 60)
        done = subprocess.run([self.fleet.shoal, "nodes", "list", "--state", self.source.state], capture_output=True, text=True, timeout=30,
                              env=clean_environment(), check=True)
        self.assertIn("two machines hold its key", done.stdout)

    def test_the_reason_of_a_hook_is_told_once_and_everywhere(self):
        hook = self.hook("echo starting\necho 'vLLM did not answer: CUDA out of memory' >&2\nexit 7\n")
        reason = f"hook {hook} failed (exit 7): vLLM did not answer: CUDA out of memory"
        node = self.fleet.start_node(self.member, "--follow", "acme/model:main", "--hook", hook, "--metrics", "127.0.0.1:0")
        self.assertEqual(node.wait_event("failed", 60)["reason"], reason)
        self.assertEqual(self.row_of(lambda row: any(each["reason"] for each in row["subscriptions"]))["subscriptions"][0]["reason"], reason)
        status = self.fleet.run("status", "--state", self.member.state).events
        self.assertEqual(next(event for event in status if event["type"] == "node")["subscriptions"][0]["failure"], reason)
        text = subprocess.run([self.fleet.shoal, "status", "--state", self.member.state], capture_output=True, text=True, timeout=30,
                              env=clean_environment(), check=True).stdout
        self.assertEqual(text.count("CUDA out of memory"), 1, text)

    def test_a_node_without_an_init_reaps_what_its_hooks_leave(self):
        if os.geteuid() != 0:
            self.skipTest("a process namespace needs root")
        hook = self.hook("for i in 1 2 3; do (sleep 1 &); done\n")
        process = subprocess.Popen(["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", self.fleet.shoal, "node", "run", "--state",
                                    self.member.state, "--listen", "127.0.0.1:0", "--follow", "acme/model:main", "--hook", hook, "--json"],
                                   stdout=subprocess.PIPE, text=True, env=clean_environment())
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        for line in process.stdout:
            if json.loads(line).get("type") == "activated":
                break
        time.sleep(1.5)
        first = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True, check=True).stdout.split()[0]
        states = subprocess.run(["ps", "-o", "stat=", "--ppid", first], capture_output=True, text=True, check=True).stdout.split()
        self.assertEqual([state[0] for state in states if state[0] == "Z"], [])
        self.assertEqual(len(states), 1, "the node itself")
        os.kill(int(first), 15)
        self.assertEqual(process.wait(20), 0)


if __name__ == "__main__":
    unittest.main()
