"""A stranger on the network learns nothing, and only the mesh and the tracker listen beyond loopback."""
import os
import re
import resource
import socket
import ssl
import subprocess
import unittest

from cases import FleetCase


def listeners(pid):
    """(protocol, address, port) of every socket on which a process listens, from ss."""
    found = []
    for flags, protocol in (("-Hltnp", "tcp"), ("-Hlunp", "udp")):
        for line in subprocess.run(["ss", flags], capture_output=True, text=True, check=True).stdout.splitlines():
            if f"pid={pid}," not in line:
                continue
            address, port = line.split()[3].rsplit(":", 1)
            found.append((protocol, address.strip("[]"), int(port)))
    return found


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def talk_without_certificate(port, alpn=None):
    """Everything that a server says after a handshake without a client certificate; None where TLS refused it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols([alpn])
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as plain, context.wrap_socket(plain) as tls:
            tls.sendall(b"GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n")
            return tls.recv(4096)
    except (ssl.SSLError, ConnectionError):
        return None


class Network(FleetCase):
    def setUp(self):
        super().setUp()
        self.original = self.published()
        self.seeder = self.fleet.start_seeder(self.source, "--upload-limit", "4MB")
        self.seeder_port = int(str(self.seeder.last("seeding")["listen"]).rsplit(":", 1)[-1])

    def test_only_the_mesh_and_the_tracker_listen_beyond_loopback(self):
        node = self.fleet.join("node")
        pull = self.fleet.start("pull", "pull", "acme/model", "--state", node.state, "--listen", "0.0.0.0:0")
        pull.wait_event("progress", 60, lambda event: event["done"] > 0)
        beyond = [entry for entry in listeners(pull.pid) if not re.match(r"127\.|::1$", entry[1])]
        self.assertEqual([protocol for protocol, _, _ in beyond], ["tcp"], f"one listener, the mesh's: {beyond}")
        self.assertGreaterEqual(len(listeners(pull.pid)), 2, "the SOCKS front is there, on loopback")
        for process in (self.seeder, self.fleet.tracker):
            self.assertEqual([e for e in listeners(process.pid) if not re.match(r"127\.|::1$", e[1])], [])
        self.assert_same(self.original, pull.complete()["path"])

    def test_a_stranger_without_a_certificate_learns_nothing(self):
        for port, alpn in ((self.fleet.port, None), (self.fleet.port, "http/1.1"), (self.seeder_port, None), (self.seeder_port, "shoal-bt/1"),
                           (self.seeder_port, "shoal-enrol/1")):
            with self.subTest(port=port, alpn=alpn):
                self.assertIn(talk_without_certificate(port, alpn), (None, b""))

    def test_the_enrolment_protocol_reaches_enrolment_only(self):
        answer = talk_without_certificate(self.fleet.port, "shoal-enrol/1")
        self.assertIsNotNone(answer)
        self.assertRegex(answer.split(b"\r\n")[0], rb"HTTP/1.1 40[34]")

    def test_500_silent_connections_leave_a_transfer_running_and_their_descriptors_come_back(self):
        wanted = 4096
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        before = descriptors(self.seeder.pid)
        silent = [socket.create_connection(("127.0.0.1", self.seeder_port), timeout=10) for _ in range(500)]
        try:
            report = self.fleet.pull(self.fleet.join("node"), "acme/model").complete()
            self.assert_same(self.original, report["path"])
            self.until("descriptors are back", lambda: descriptors(self.seeder.pid) <= before + 16, deadline=10)  # its own files are open now
        finally:
            for connection in silent:
                connection.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
