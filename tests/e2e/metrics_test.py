"""The metrics of each role: promtool accepts them, the numbers move, and they hold nothing that not everybody may read."""
import os
import re
import shutil
import socket
import subprocess
import unittest
import urllib.error
import urllib.request

from cases import FleetCase, make_model, write
from fleet import free_port


def get(port, path):
    """(status, body) of a GET."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def samples(page):
    """{(name, frozenset of labels): value}."""
    found = {}
    for name, labels, value in re.findall(r"^(\w+)(?:\{(.*)\})? (\S+)$", page, re.M):
        found[name, frozenset(re.findall(r'(\w+)="([^"]*)"', labels))] = float(value)
    return found


class Metrics(FleetCase):
    def setUp(self):
        super().setUp()
        self.ports = {role: free_port() for role in ("tracker", "seeder", "node")}
        self.fleet.tracker.stop()
        self.fleet.start_tracker("--announce-interval", "5s", *self.metrics("tracker"))

    def metrics(self, role):
        return "--metrics", f"127.0.0.1:{self.ports[role]}"

    def value(self, role, name, **labels):
        return samples(get(self.ports[role], "/metrics")[1]).get((name, frozenset(labels.items())))

    def run_all(self):
        self.published(8)
        self.fleet.start_seeder(self.source, *self.metrics("seeder"))
        process = self.fleet.start_node(self.fleet.join("node"), "--follow", "acme/model:main", *self.metrics("node"))
        process.wait_event("activated", 90)

    @unittest.skipUnless(shutil.which("promtool"), "there is no promtool: scripts/install-deps.sh --tests installs it")
    def test_promtool_accepts_every_page(self):
        self.run_all()
        for role, port in self.ports.items():
            page = get(port, "/metrics")[1]
            done = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True, timeout=30, check=False)
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""), f"{role}: {page}")

    def test_the_numbers_of_a_fetch_add_up(self):
        self.run_all()
        self.assertGreaterEqual(self.value("node", "shoal_payload_bytes_total", direction="received", peer="source"), 8_000_000)
        self.until("the seeder has counted what it sent",
                   lambda: self.value("seeder", "shoal_payload_bytes_total", direction="sent", peer="node") >= 8_000_000)
        self.assertEqual(self.value("node", "shoal_payload_bytes_total", direction="received", peer="node"), 0)
        self.assertGreater(self.value("node", "shoal_link_bytes_total", direction="received", peer="source"), 8_000_000)
        self.assertGreater(self.value("node", "shoal_pieces_total", result="verified"), 0)
        self.assertEqual(self.value("node", "shoal_pieces_total", result="failed"), 0)
        self.until("the view is fresh", lambda: self.value("node", "shoal_releases", state="active") == 1)
        self.assertGreaterEqual(self.value("seeder", "shoal_source_read_bytes_total"), 8_000_000)
        self.assertEqual(self.value("seeder", "shoal_releases", state="served"), 1)
        self.assertEqual(self.value("tracker", "shoal_releases", state="registered"), 1)
        self.assertGreater(self.value("tracker", "shoal_announces_total", result="answered"), 0)
        self.assertEqual(self.value("tracker", "shoal_announces_total", result="answered"),
                         self.value("tracker", "shoal_announce_duration_seconds_count"))
        for role in self.ports:
            self.assertGreater(self.value(role, "shoal_certificate_seconds_left"), 80_000)
            self.assertEqual(get(self.ports[role], "/readyz"), (200, "ok\n"))
            self.assertEqual(get(self.ports[role], "/livez"), (200, "ok\n"))
            self.assertEqual(get(self.ports[role], "/state/key.pem")[0], 404)
            page = get(self.ports[role], "/metrics")[1]
            for private in ("acme", "127.0.0.1", self.fleet.directory, "BEGIN", "shoal-"):  # models, addresses, paths, keys, the fleet
                self.assertNotIn(private, page)

    def test_what_is_watched_and_joined_is_counted_by_state(self):
        original = self.published(2)
        copy = shutil.copytree(original, self.fleet.path("copy"))
        second, nas = self.fleet.join("second", role="seeder"), self.fleet.path("nas")
        shutil.copy(self.fleet.path("keys", "publisher.key"), os.path.join(second.state, "publisher.key"))
        make_model(os.path.join(nas, "1.0"), 1)
        write(os.path.join(nas, "1.0", "DONE"), 1, 1)
        make_model(os.path.join(nas, "2.0"), 1)
        seeder = self.fleet.start_seeder(second, *self.metrics("seeder"), "--join", f"{copy}=acme/model@1.0", "--join", f"{nas}=acme/none@1.0",
                                         "--watch", f"{nas}/{{version}} model=acme/watched complete=marker:DONE", "--watch-poll", "200ms")
        seeder.wait_event("joined_release")
        seeder.wait_event("published")
        seeder.wait_event("not_joined")

        def counts():
            return {(name, state): self.value("seeder", name, state=state) for name, state in
                    (("shoal_joins", "joined"), ("shoal_joins", "waiting"), ("shoal_watched_versions", "published"),
                     ("shoal_watched_versions", "waiting"), ("shoal_watched_roots", "readable"))}
        self.until("each is counted once", lambda: set(counts().values()) == {1.0})
        self.assertGreaterEqual(self.value("seeder", "shoal_source_hashed_bytes_total"), 3_000_000)
        os.rename(nas, nas + ".away")
        self.until("the root is lost", lambda: self.value("seeder", "shoal_watched_roots", state="lost") == 1)
        page = get(self.ports["seeder"], "/metrics")[1]
        self.assertNotIn(self.fleet.directory, page)
        self.assertNotIn("acme", page)

    def test_refused_connections_are_counted_by_reason(self):
        self.run_all()
        before = self.value("tracker", "shoal_handshakes_refused_total", reason="tls")
        with socket.create_connection(("127.0.0.1", self.fleet.port), timeout=10) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            plain.recv(100)
        self.until("it is counted", lambda: self.value("tracker", "shoal_handshakes_refused_total", reason="tls") > before)


if __name__ == "__main__":
    unittest.main(verbosity=2)
