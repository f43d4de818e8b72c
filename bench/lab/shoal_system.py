"""The real shoal programs with mutual TLS: tracker, `seed` and one `pull` per node."""
import os
import re
import shutil
import sys
import time

from .systems import System, SystemFailed

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "support"))
from fleet import FleetError, Process  # noqa: E402, F401

PORT = 7443
REFERENCE = "bench/fanout"


class TimedProcess(Process):
    """Records the time of each event."""

    def _take(self, line):
        before = len(self.events)
        super()._take(line)
        for event in self.events[before:]:
            event["at"] = time.time()


class ShoalNode:
    def __init__(self, process, directory):
        self._process = process
        self.directory = directory

    def completed_at(self):
        event = self._process.last("complete")
        if event:
            self.directory = event["path"]
            return event["at"]
        if not self._process.running:
            raise SystemFailed(str(self._process._failure("ended before it was complete")))
        return None

    def claims(self):
        """The node's own figures, for comparison with the counters."""
        event = self._process.last("complete") or {}
        return {key: event[key] for key in ("bytes_from_source", "bytes_from_peers", "seconds") if key in event}


class Shoal(System):
    """`seed_options` make a variant, such as an ordinary seed. `sites` labels the hosts."""

    def __init__(self, *common, binary, sites=None, seed_options=()):
        super().__init__(*common)
        self.binary = os.path.abspath(binary)
        self.sites = sites or {}
        self.seed_options = seed_options
        self._services = []
        self._number = 0

    def start(self, host, *words, gate=None):
        self._number += 1
        argv = [self.binary, *words, "--json"]
        name = f"{'-'.join(words[:2]) if words[0] in ('tracker', 'fleet', 'token') else words[0]} on {host}"
        log = self.path("logs", f"{self._number:03}-{name.replace(' ', '-')}.log")
        return TimedProcess(name, self.lab.command(host, argv, gate), log)

    def run(self, host, *words, deadline=120.0):
        process = self.start(host, *words)
        if process.wait(deadline) != 0:
            raise SystemFailed(str(process._failure("failed")))
        return process

    def state(self, host):
        return self.path("state", host)

    def prepare(self):
        """A fleet whose members have joined and whose release is published. Each run starts from a copy of these states."""
        os.makedirs(self.path("logs"), exist_ok=True)
        self.fresh("state")
        url = f"https://{self.lab.address('tracker')}:{PORT}"
        self.run("tracker", "fleet", "init", "--state", self.state("tracker"), "--keys", self.path("keys"), "--tracker", url)
        tracker = self._start_tracker()
        try:
            for host in self.lab.hosts[1:]:
                self._join(host)
            self.run("source", "publish", self.payload, "--state", self.state("source"), "--model", REFERENCE, "--version", "1",
                     "--key", self.path("keys", "publisher.key"))
            self._fill_other_sources()
        finally:
            tracker.stop()
        shutil.copytree(self.path("state"), self.path("joined"), symlinks=True, ignore=shutil.ignore_patterns("*.sock"))

    def _start_tracker(self):
        listen = f"{self.lab.address('tracker')}:{PORT}"
        tracker = self.start("tracker", "tracker", "run", "--state", self.state("tracker"), "--listen", listen)
        tracker.wait_event("ready")
        return tracker

    def _other_sources(self):
        return [host for host in self.lab.hosts if host.startswith("source") and host != "source"]

    def _fill_other_sources(self):
        """They fetch the release before the runs begin."""
        seeder = self._seed() if self._other_sources() else None
        for host in self._other_sources():
            self.run(host, "pull", REFERENCE, "--state", self.state(host), "--listen", f"{self.lab.address(host)}:0")
        if seeder:
            seeder.stop()

    def _seed(self):
        listen = f"{self.lab.address('source')}:0"
        seeder = self.start("source", "seed", "--state", self.state("source"), "--listen", listen, *self.seed_options)
        self._services.append(seeder)
        seeder.wait_event("seeding")
        return seeder

    def _join(self, host):
        role = "seeder" if host.startswith("source") else "node"
        created = self.run("tracker", "token", "create", "--state", self.state("tracker"), "--role", role)
        token = next((event["token"] for event in created.events if "token" in event), None) or created.text[-1]
        site = ["--site", self.sites[host]] if host in self.sites else []
        self.run(host, "join", token, "--state", self.state(host), "--name", host, *site)

    def piece_bytes(self):
        """The piece length that the publisher chose, from the metainfo in its state."""
        for at, _, names in os.walk(self.state("source")):
            for name in names:
                with open(os.path.join(at, name), "rb") as file:
                    found = re.search(rb"12:piece lengthi(\d+)e", file.read(1 << 20))
                if found:
                    return int(found[1])
        raise SystemFailed("no metainfo in the seeder's state")

    def begin(self):
        shutil.rmtree(self.path("state"))
        shutil.copytree(self.path("joined"), self.path("state"), symlinks=True)
        self._services = [self._start_tracker()]
        self._seed()
        for host in self._other_sources():
            listen = f"{self.lab.address(host)}:0"
            other = self.start(host, "pull", REFERENCE, "--state", self.state(host), "--listen", listen, "--seed-for", "1h")
            self._services.append(other)
            other.wait_event("complete")

    def start_node(self, host, gate):
        listen = f"{self.lab.address(host)}:0"
        process = self.start(host, "pull", REFERENCE, "--state", self.state(host), "--listen", listen, "--seed-for", "1h", gate=gate)
        self.nodes[host] = ShoalNode(process, self.state(host))
        self._services.append(process)
        return self.nodes[host]

    def pids(self):
        return [process.pid for process in self._services]

    def end(self):
        for process in self._services:
            if process.running:
                process.kill()
        self._services, self.nodes = [], {}
