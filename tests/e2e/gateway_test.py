"""The gateway of a running node: models by name, over HTTP, for clients that know the Hugging Face Hub."""
import contextlib
import hashlib
import http.client
import json
import os
import random
import socket
import subprocess
import threading
import time
import unittest
import urllib.error
import urllib.request

from cases import MB, FleetCase, main_side_by_side, write

import hostile_peer
from fleet import clean_environment

PATIENCE = 60


class Page:
    """One answer."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


class GatewayCase(FleetCase):
    """A seeder, and a node with a gateway that has nothing yet."""

    def start(self, *extra, seeder=()):
        self.seeder = self.fleet.start_seeder(self.source, *seeder)
        self.member = self.fleet.join("node")
        self.start_node(*extra)

    def start_node(self, *extra):
        self.node = self.fleet.start_node(self.member, "--gateway", "127.0.0.1:0", *extra)
        self.endpoint = self.node.wait_event("running")["gateway"]
        self.port = int(self.endpoint.rsplit(":", 1)[1])

    def ask(self, path, method="GET", body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request(method, path, body=body, headers={name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return Page(answer.status, answer.headers, answer.read())

    def file_of(self, directory, name):
        with open(os.path.join(directory, name), "rb") as file:
            return file.read()

    def curl(self, *words):
        return subprocess.run(["curl", "-s", "--max-time", "120", *words], capture_output=True, env=clean_environment(), check=False)


class Whole(GatewayCase):
    """Releases that the node has."""

    def setUp(self):
        super().setUp()
        self.model = self.published(4, "1.0")
        self.start("--follow", "acme/model:main")
        self.node.wait_event("activated", PATIENCE)

    def test_every_file_comes_as_it_was_published(self):
        info = self.ask("/api/models/acme/model").json()
        commit = info["sha"]
        self.assertRegex(commit, "^[0-9a-f]{40}$")
        names = [each["rfilename"] for each in info["siblings"]]
        self.assertIn("nested/deep/table.bin", names)
        for revision in ("main", "1.0", commit, "HEAD"):
            for name in names:
                page = self.ask(f"/acme/model/resolve/{revision}/{name}")
                self.assertEqual(page.status, 200)
                self.assertEqual(page.body, self.file_of(self.model, name))
                self.assertEqual(page.headers["ETag"], f'"{hashlib.sha256(page.body).hexdigest()}"')
                self.assertEqual(page.headers["X-Repo-Commit"], commit)

    def test_head_says_what_get_would_send(self):
        head = self.ask("/acme/model/resolve/main/weights-2.bin", "HEAD")
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(head.headers["Content-Length"], str(2 * MB + 1))
        self.assertEqual(head.headers["X-Linked-Size"], str(2 * MB + 1))
        self.assertEqual(head.headers["Accept-Ranges"], "bytes")
        self.assertNotIn("Content-Encoding", head.headers)

    def test_ranges_and_conditions(self):
        path, whole = "/acme/model/resolve/main/weights-1.bin", self.file_of(self.model, "weights-1.bin")
        size = len(whole)
        for header, first, last in (("bytes=0-0", 0, 0), ("bytes=5-1000004", 5, 1000004), (f"bytes={size - 3}-", size - 3, size - 1),
                                    ("bytes=-9", size - 9, size - 1), (f"bytes=7-{size * 2}", 7, size - 1)):
            page = self.ask(path, Range=header)
            self.assertEqual((page.status, page.headers["Content-Range"]), (206, f"bytes {first}-{last}/{size}"))
            self.assertEqual(page.body, whole[first:last + 1])
        beyond = self.ask(path, Range=f"bytes={size}-")
        self.assertEqual((beyond.status, beyond.headers["Content-Range"]), (416, f"bytes */{size}"))
        for header in ("bytes=9-3", "bytes=0-1,4-5", "lines=1-2"):
            self.assertEqual(self.ask(path, Range=header).body, whole)
        empty = self.ask("/acme/model/resolve/main/empty.txt", Range="bytes=0-0")
        self.assertEqual((empty.status, empty.headers["Content-Range"], empty.body), (206, "bytes 0-0/0", b""))
        tag = self.ask(path, "HEAD").headers["ETag"]
        self.assertEqual(self.ask(path, If_None_Match=tag).status, 304)
        self.assertEqual(self.ask(path, If_Match='"other"').status, 412)
        self.assertEqual(self.ask(path, Range="bytes=0-9", If_Range=tag).status, 206)
        self.assertEqual(self.ask(path, Range="bytes=0-9", If_Range='"other"').body, whole)

    def test_what_is_missing_has_the_codes_of_the_hub(self):
        for path, status, code in (("/api/models/acme/none", 404, "RepoNotFound"), ("/acme/none/resolve/main/a", 404, "RepoNotFound"),
                                   ("/acme/model/resolve/9.9/config.json", 404, "RevisionNotFound"),
                                   ("/acme/model/resolve/" + "0" * 40 + "/config.json", 404, "RevisionNotFound"),
                                   ("/acme/model/resolve/main/nope", 404, "EntryNotFound"),
                                   ("/acme/model/resolve/main/..%2F..%2Fidentity%2Fkey.pem", 404, "EntryNotFound"),
                                   ("/acme/model/resolve/main/../../../identity", 404, "EntryNotFound"),
                                   ("/api/models/acme/model/tree/main/nope", 404, "EntryNotFound"),
                                   ("/api/whoami-v2", 404, None)):
            page = self.ask(path)
            self.assertEqual((page.status, page.headers["X-Error-Code"]), (status, code), path)
        self.assertEqual(self.ask("/acme/model/resolve/main/config.json", "PUT", b"x").status, 405)
        self.assertEqual(self.ask("/api/models/acme/model", Host="evil.example").status, 421)

    def test_refs_tree_and_paths(self):
        refs = self.ask("/api/models/acme/model/refs").json()
        self.assertEqual([each["name"] for each in refs["branches"]], ["main"])
        self.assertEqual([each["name"] for each in refs["tags"]], ["1.0"])
        tree = self.ask("/api/models/acme/model/tree/main?recursive=true").json()
        self.assertEqual(sorted(each["path"] for each in tree if each["type"] == "file"),
                         ["config.json", "empty.txt", "nested/deep/table.bin", "weights-1.bin", "weights-2.bin"])
        found = self.ask("/api/models/acme/model/paths-info/main", "POST", json.dumps({"paths": ["config.json", "x"]})).json()
        self.assertEqual([each["path"] for each in found], ["config.json"])

    def test_curl_goes_on_where_it_stopped(self):
        target, whole = self.fleet.path("half"), self.file_of(self.model, "weights-1.bin")
        with open(target, "wb") as file:
            file.write(whole[:777_777])
        done = self.curl("-f", "-C", "-", "-o", target, f"{self.endpoint}/acme/model/resolve/main/weights-1.bin")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(self.file_of("/", target), whole)

    def test_urllib_reads_a_file(self):
        with urllib.request.urlopen(f"{self.endpoint}/acme/model/resolve/main/config.json", timeout=PATIENCE) as answer:
            self.assertEqual(answer.read(), self.file_of(self.model, "config.json"))
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{self.endpoint}/acme/model/resolve/main/none", timeout=PATIENCE)
        self.assertEqual(refused.exception.code, 404)
        refused.exception.close()

    def test_what_is_here_is_served_without_a_tracker(self):
        self.fleet.tracker.stop()
        self.seeder.stop()
        for revision in ("main", "1.0"):
            self.assertEqual(self.ask(f"/acme/model/resolve/{revision}/config.json").body, self.file_of(self.model, "config.json"))
        away = self.ask("/acme/other/resolve/main/config.json")
        self.assertEqual(away.status, 503)
        self.assertGreater(int(away.headers["Retry-After"]), 0)

    def test_many_connections_that_wait_and_readers_that_do_not_read_cost_little(self):
        idle = [socket.create_connection(("127.0.0.1", self.port)) for _ in range(1000)]
        asks = b"GET /acme/model/resolve/main/weights-1.bin HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for connection in idle[:64]:
            connection.sendall(asks)
        before = self.memory()
        self.assertEqual(self.ask("/acme/model/resolve/main/weights-1.bin").body, self.file_of(self.model, "weights-1.bin"))
        self.assertLess(before, 256 * MB)
        for connection in idle:
            connection.close()
        self.assertTrue(self.node.running)

    def memory(self):
        with open(f"/proc/{self.node.pid}/status", encoding="utf-8") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS"))


class Refused(GatewayCase):
    def test_the_gateway_listens_on_loopback_alone(self):
        self.member = self.fleet.join("node")
        for address in ("0.0.0.0:7450", "[::]:7450"):
            done = self.fleet.run("node", "run", "--state", self.member.state, "--listen", "127.0.0.1:0", "--gateway", address, check=False)
            self.assert_refused(done, 2, "loopback", address)

    def test_code_formats_need_consent(self):
        directory = self.fleet.path("code")
        write(os.path.join(directory, "pytorch_model.bin"), 1 * MB, 3)
        with open(os.path.join(directory, "model.pt"), "wb") as file:
            file.write(b"\x80\x04\x95" + b"x" * 1000)
        self.fleet.publish(self.source, directory, "acme/code", "1", "--allow-code-formats")
        self.start()
        refused = self.ask("/acme/code/resolve/main/model.pt")
        self.assertEqual((refused.status, refused.headers["X-Error-Code"]), (403, "GatedRepo"))
        self.assertIn("allow_code_formats", refused.headers["X-Error-Message"].replace("-", "_"))


class WhileItArrives(GatewayCase):
    """The first request begins the fetch."""

    SIZE = 24 * MB

    def setUp(self):
        super().setUp()
        self.model = self.fleet.path("model")
        write(os.path.join(self.model, "weights.bin"), self.SIZE, 5)
        write(os.path.join(self.model, "config.json"), 700, 6)
        self.content = self.fleet.publish(self.source, self.model, "acme/model", "1.0", channel="main")["info_hash"]
        self.path = "/acme/model/resolve/main/weights.bin"
        self.whole = self.file_of(self.model, "weights.bin")

    def test_headers_come_before_the_weights_and_bytes_before_the_end(self):
        self.start("--download-limit", "4MB")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        begun = time.monotonic()
        connection.request("GET", self.path)
        answer = connection.getresponse()
        headers = time.monotonic() - begun
        first = answer.read(1)
        first_byte = time.monotonic() - begun
        self.assertIsNone(self.node.last("fetched"))
        self.assertEqual(first + answer.read(), self.whole)
        whole = time.monotonic() - begun
        fetched = self.node.wait_event("fetched", PATIENCE)
        print(f"headers {headers:.2f} s, first byte {first_byte:.2f} s, last byte {whole:.2f} s")
        self.assertLess(headers, 2)
        self.assertLess(first_byte, whole / 2)
        self.assertEqual(fetched["bytes_from_source"] <= 1.02 * self.SIZE + MB, True, fetched)
        connection.close()

    def test_two_clients_at_once_share_one_fetch(self):
        self.start("--download-limit", "8MB")
        pages = [None, None]

        def read(i):
            pages[i] = self.ask(self.path)

        readers = [threading.Thread(target=read, args=(i,)) for i in range(2)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        self.assertEqual([page.body == self.whole for page in pages], [True, True])
        done = self.node.wait_event("fetched", PATIENCE)
        self.assertLess(done["bytes_from_source"], 1.1 * self.SIZE)

    def test_a_range_near_the_end_does_not_wait_for_what_is_before_it(self):
        self.start("--download-limit", "3MB")
        begun = time.monotonic()
        page = self.ask(self.path, Range="bytes=-100000")
        took = time.monotonic() - begun
        self.assertEqual((page.status, page.body), (206, self.whole[-100000:]))
        self.assertIsNone(self.node.last("fetched"))
        self.assertLess(took, self.SIZE / (3 * MB))

    def test_small_files_come_before_the_weights(self):
        self.start("--download-limit", "2MB")
        page = self.ask("/acme/model/resolve/main/config.json")
        self.assertEqual(page.body, self.file_of(self.model, "config.json"))
        self.assertIsNone(self.node.last("fetched"))

    def test_a_client_that_leaves_does_not_end_the_fetch(self):
        self.start("--download-limit", "8MB")
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(f"GET {self.path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            self.assertTrue(connection.recv(1))
        self.node.wait_event("fetched", PATIENCE)
        self.until("the link is there", lambda: os.path.exists(os.path.join(self.member.state, "models/acme/model/main/weights.bin")))
        self.assertEqual(self.ask(self.path).body, self.whole)

    def test_a_fetch_that_fails_closes_the_connection_short(self):
        self.start("--download-limit", "2MB")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request("GET", self.path)
        answer = connection.getresponse()
        answer.read(1)
        self.published(1, "2.0")  # no channel may point at what is withdrawn
        self.fleet.run("release", "withdraw", "acme/model", "1.0", "--reason", "test", "--state", self.source.state,
                       "--key", self.fleet.path("keys", "publisher.key"))
        with self.assertRaises(http.client.IncompleteRead) as short:
            answer.read()
        self.assertEqual(short.exception.partial, self.whole[1:1 + len(short.exception.partial)])
        connection.close()

    def test_a_fetch_that_goes_on_after_a_restart_serves_what_was_there(self):
        self.start("--download-limit", "4MB")
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(f"GET {self.path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            got = 0
            while got < self.SIZE // 3:
                got += len(connection.recv(65536))
        self.assertEqual(self.node.stop(), 0)
        # A piece that lay on the disk meanwhile is compared before it is sent.
        incoming = os.path.join(self.member.state, "incoming")
        spoilt = os.path.join(incoming, os.listdir(incoming)[0], "weights.bin")
        stamp = os.stat(spoilt)
        with open(spoilt, "r+b") as file:
            file.seek(100_000)
            file.write(b"spoilt!")
        os.utime(spoilt, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))  # as bit rot does: only a look at the bytes can tell
        self.start_node()
        self.assertEqual(self.ask(self.path).body, self.whole)

    def test_a_peer_that_lies_costs_time_and_no_wrong_byte(self):
        """A member of the fleet sends wrong blocks while a client reads; what arrives is compared as it arrives."""
        self.start(seeder=("--upload-limit", "3MB"))
        liar = self.fleet.join("liar")
        port = self.node.wait_event("running")["listen"]
        wrong = []

        def spoil(_piece, _start, block):
            wrong.append(len(block))
            return bytes(byte ^ 255 for byte in block[:64]) + block[64:]

        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request("GET", self.path)
        answer = connection.getresponse()
        peer = self.until("the liar is linked", lambda: self.link(liar, port))
        with open(os.path.join(self.model, "config.json"), "rb") as file:
            peer.serve(file.read() + bytes(hostile_peer.piece_length_of(self.SIZE + 700)) + self.whole, spoil)
        got = bytearray()
        while block := answer.read1(1 << 16):
            self.assertEqual(block, self.whole[len(got):len(got) + len(block)])
            got += block
        self.assertEqual(bytes(got), self.whole)
        self.assertTrue(wrong, "the node requested nothing from the liar")
        connection.close()
        peer.close()

    def link(self, member, port):
        try:
            return hostile_peer.HostilePeer(member, port, self.content)
        except (OSError, EOFError):
            return None


if __name__ == "__main__":
    main_side_by_side(2)
