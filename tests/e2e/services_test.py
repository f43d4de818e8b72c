"""The three roles tell a service manager when they are ready, that they are alive, and that they end."""
import contextlib
import os
import re
import signal
import socket
import subprocess
import time
import unittest

from cases import FleetCase, make_model
from fleet import clean_environment, free_port

TEN_SECONDS = 10.0  # what a service gets to end in order


class Manager:
    """Listens where systemd would. `at_ready` is run at the very moment READY=1 is read."""

    def __init__(self, name):
        self.name = name
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + name[1:] if name.startswith("@") else name)

    def environment(self, watchdog=None):
        return {"NOTIFY_SOCKET": self.name} | ({"WATCHDOG_USEC": str(watchdog)} if watchdog else {})

    def hear(self, word, deadline=30.0):
        """The lines of the first message that has a line `word`."""
        end = time.monotonic() + deadline
        while (left := end - time.monotonic()) > 0:
            self._socket.settimeout(left)
            with contextlib.suppress(TimeoutError):
                lines = self._socket.recv(4096).decode().split("\n")
                if word in lines:
                    return lines
        raise AssertionError(f"no {word} within {deadline:.0f} s")

    def close(self):
        self._socket.close()


def connects(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False


class Services(FleetCase):
    def manager(self, name=None):
        manager = Manager(name or self.fleet.path(f"notify-{len(self.fleet.members)}-{time.monotonic_ns()}"))
        self.addCleanup(manager.close)
        return manager

    def started(self, name, *words, watchdog=None, manager=None):
        manager = manager or self.manager()
        return manager, self.fleet.start(name, *words, environment=manager.environment(watchdog))

    def test_a_rule_with_a_comma_works_from_the_file_and_from_a_variable(self):
        self.fleet.join("node")
        config = self.fleet.path("node.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write('schedule = ["sat,sun 00:00-24:00 up=5MB", "mon-fri 08:00-18:00 up=1MB"]\n')
        words = ("node", "run", "--state", self.fleet.path("node"), "--listen", "127.0.0.1:0")
        rules = {"SHOAL_SCHEDULE": "sat,sun 00:00-24:00 up=5MB\nmon-fri 08:00-18:00 up=1MB"}
        flags = ("--schedule", "sat,sun 00:00-24:00 up=5MB", "--schedule", "mon-fri 08:00-18:00 up=1MB")
        for name, more, environment in (("file", ("--config", config), {}), ("variable", (), rules), ("flag", flags, {})):
            node = self.fleet.start(name, *words, *more, environment=environment)
            node.wait_event("running")
            self.assertEqual(node.stop(), 0)
        refused = self.fleet.run(*words, environment={"SHOAL_SCHEDULE": "sat,sun 00:00"}, check=False)
        self.assert_refused(refused, 2, "sat,sun 00:00")

    def roles(self):
        """(name, port, words) of each role as a service would run it."""
        node = self.fleet.join("node")
        self.fleet.tracker.stop()
        ports = {role: free_port() for role in ("seeder", "node")} | {"tracker": self.fleet.port}
        listen = {role: f"127.0.0.1:{port}" for role, port in ports.items()}
        return [("tracker", ports["tracker"], ["tracker", "run", "--state", self.fleet.path("tracker"), "--listen", listen["tracker"]]),
                ("seeder", ports["seeder"], ["seed", "--state", self.source.state, "--listen", listen["seeder"]]),
                ("node", ports["node"], ["node", "run", "--state", node.state, "--listen", listen["node"], "--follow", "acme/model:main"])]

    def test_ready_comes_when_the_port_is_open_and_the_watchdog_is_fed(self):
        self.published(1)
        for name, port, words in self.roles():
            with self.subTest(role=name):
                manager, process = self.started(name, *words, watchdog=1_000_000)
                status = next(line for line in manager.hear("READY=1") if line.startswith("STATUS="))
                self.assertTrue(connects(port), "what says READY=1 can be reached")
                self.assertIn(str(port), status)
                for _ in range(3):
                    manager.hear("WATCHDOG=1")
                process.send(signal.SIGTERM)
                manager.hear("STOPPING=1", TEN_SECONDS)
                self.assertEqual(process.wait(TEN_SECONDS), 0)
                if name == "tracker":
                    self.fleet.start_tracker()

    def test_an_abstract_socket_will_do(self):
        self.fleet.tracker.stop()
        manager = self.manager(f"@shoal-{os.getpid()}-{time.monotonic_ns()}")
        self.started("tracker", "tracker", "run", "--state", self.fleet.path("tracker"), manager=manager)
        manager.hear("READY=1")

    def test_a_role_that_hangs_does_not_feed_its_watchdog(self):
        seed_manager, seeder = self.started("seeder", "seed", "--state", self.source.state, "--listen", "127.0.0.1:0", watchdog=1_000_000)
        seed_manager.hear("WATCHDOG=1")
        seeder.send(signal.SIGSTOP)
        self.addCleanup(lambda: seeder.running and seeder.send(signal.SIGCONT))
        with self.assertRaises(AssertionError):
            while True:  # what was sent before it stopped is read first
                seed_manager.hear("WATCHDOG=1", 3.0)

    def test_every_role_ends_within_ten_seconds_of_sigterm_while_transfers_run(self):
        directory = make_model(self.fleet.path("large"), 64)
        self.fleet.publish(self.source, directory, "acme/model", "1.0")
        seeder = self.fleet.start_seeder(self.source, "--upload-limit", "1MB")
        nodes = [self.fleet.join(f"node{number}") for number in range(2)]
        running = [self.fleet.start(node.name, "node", "run", "--state", node.state, "--listen", "127.0.0.1:0", "--follow", "acme/model:main")
                   for node in nodes]
        for node in nodes:
            self.until("a transfer runs", lambda node=node: self.fetched(node) > 0)
        for process in (running[0], seeder, self.fleet.tracker, running[1]):  # the last one without a source and a tracker
            process.send(signal.SIGTERM)
            self.assertEqual(process.wait(TEN_SECONDS), 0, process.name)

    def test_sighup_reads_the_configuration_again_and_keeps_what_was_when_it_is_wrong(self):
        config = self.fleet.path("node.toml")

        def write(*lines):
            with open(config, "w", encoding="utf-8") as file:
                file.write("\n".join([f'state = "{node.state}"', 'listen = "127.0.0.1:0"', *lines, ""]))

        self.published(1)
        self.fleet.start_seeder(self.source)
        node = self.fleet.join("node")
        write('upload_limit = "1MB"')
        manager, process = self.started("node", "node", "run", "--config", config)
        manager.hear("READY=1")
        write('upload_limit = "2MB/s"', 'log_level = "warn"', 'quota = "1TB"', "[[follow]]", 'channel = "acme/model:main"')
        process.send(signal.SIGHUP)
        manager.hear("RELOADING=1")
        manager.hear("READY=1")
        process.wait_event("activated", 60)
        self.assertEqual(self.limit_of(node), 2_000_000)
        self.assertIn('"option":"--quota"', self.log_of(process), "what needs a restart is named")
        write('upload_limit = "many"')
        process.send(signal.SIGHUP)
        manager.hear("READY=1")
        self.assertIn("reload_failed", self.log_of(process))
        self.assertEqual(self.limit_of(node), 2_000_000)
        self.assertTrue(process.running)

    def test_in_the_journal_lines_have_a_priority_and_no_time(self):
        log = self.fleet.path("journal")
        with open(log, "wb") as journal:
            of = os.fstat(journal.fileno())
            environment = clean_environment() | {"JOURNAL_STREAM": f"{of.st_dev}:{of.st_ino}"}
            words = ["pull", "acme/none", "--state", self.source.state, "--listen", "127.0.0.1:0", "--log-level", "debug"]
            subprocess.run([self.fleet.shoal, *words], check=False, stdout=journal, stderr=journal, env=environment, timeout=30)
        with open(log, encoding="utf-8") as file:
            lines = file.read().splitlines()
        self.assertTrue(any(line.startswith("<3>shoal: error: ") for line in lines), lines)
        self.assertTrue(all(re.match(r"<[3-7]>(?!\d{4}-)", line) for line in lines), lines)

    def limit_of(self, node):
        return next(event for event in self.fleet.run("status", "--state", node.state, check=False).events if event["type"] == "node")["upload_limit"]

    @staticmethod
    def log_of(process):
        with open(process.log_path, encoding="utf-8") as file:
            return file.read()

    def fetched(self, node):
        done = self.fleet.run("status", "--state", node.state, check=False)
        views = [event for event in done.events if event.get("type") == "node"]
        rows = [row for view in views for row in view["subscriptions"]]
        return sum(row.get("progress", {}).get(part, 0) for row in rows for part in ("from_source", "from_peers"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
