"""The SHA-256 that a release names for each file, and the file that becomes visible: no way around it."""
import base64
import contextlib
import hashlib
import json
import os
import re
import ssl
import threading
import time
import unittest

from cases import FleetCase, MB, write

import member_http
from fleet import free_port
from hostile_peer import HostilePeer, piece_length_of
from hostile_tracker import payload_of, sign

RELEASE = "application/vnd.shoal.release.v1+json"
PIECE_LENGTH = piece_length_of(2 * MB)
FILES = {"a.txt": 300, "weights.bin": 2 * MB, "z.bin": PIECE_LENGTH + 1}


def name_of(files):
    """docs/formats.md: the torrent's name follows from the files."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file["path"].encode() + b"\0" + str(file["size"]).encode() + b"\0" + bytes.fromhex(file["sha256"]))
    return digest.hexdigest()[:32].encode()


def without_states(metainfo):
    at = metainfo.index(b"13:sha256 states")
    length = int(re.match(rb"13:sha256 states(\d+):", metainfo[at:]).group(1))
    return metainfo[:at] + metainfo[at + len(b"13:sha256 states%d:" % length) + length:]


class FileDigests(FleetCase):
    """A publisher (or as many as a trust root asks for) signs a list of files that were audited, beside a metainfo of others."""

    def setUp(self):
        super().setUp()
        self.directory = self.fleet.path("model")
        for seed, (name, size) in enumerate(FILES.items()):
            write(os.path.join(self.directory, name), size, seed)
        self.published = self.fleet.publish(self.source, self.directory, "acme/model", "1.0")
        self.member = self.fleet.join("node")
        self.key = self.fleet.path("keys", "publisher.key")

    def ask(self, method, path, body=None):
        context = member_http.context_of(member_http.credentials_of(self.source.state))
        status, _headers, text = member_http.ask(context, self.fleet.port, method, path, body)
        self.assertLess(status, 300, text)
        return text

    def register(self, audited, strip=False):
        """Version 1.1: its files are those of 1.0 but for the digest of `audited`, its metainfo is that of 1.0."""
        release = json.loads(payload_of(json.loads(self.ask("GET", "/v1/models/acme/model/versions/1.0"))["envelope"]))
        metainfo = self.ask("GET", f"/v1/releases/{self.published['release']}/metainfo")
        old = name_of(release["files"])
        for file in release["files"]:
            if file["path"] == audited:
                file["sha256"] = hashlib.sha256(b"audited bytes").hexdigest()
        if strip:
            metainfo = without_states(metainfo)
        metainfo = metainfo.replace(b"32:" + old, b"32:" + name_of(release["files"]))
        info = metainfo[metainfo.index(b"4:info") + 6:metainfo.index(b"13:sha256 pieces")]
        release["version"] = "1.1"
        release["swarm"].update(info_hash=hashlib.sha1(info).hexdigest(), metainfo_size=len(metainfo),
                                metainfo_sha256=hashlib.sha256(metainfo).hexdigest())
        release.pop("model_signature", None)
        envelope = sign(RELEASE, release, self.key)
        body = {"envelope": envelope, "metainfo": base64.b64encode(metainfo).decode()}
        self.ask("PUT", "/v1/models/acme/model/versions/1.1", json.dumps(body))
        return release["swarm"]["info_hash"]

    def serve(self, port, content):
        """Sends the bytes that the metainfo describes, each file from a piece's beginning."""
        data = b""
        for name in sorted(FILES):
            with open(os.path.join(self.directory, name), "rb") as file:
                data += file.read()
            data += bytes(-len(data) % PIECE_LENGTH)

        def link():
            for _ in range(100):  # the node takes links once it has begun to fetch
                with contextlib.suppress(OSError, EOFError, ssl.SSLError):
                    return HostilePeer(self.source, port, content).serve(data, lambda _piece, _start, block: block)
                time.sleep(0.1)
            return None

        threading.Thread(target=link, daemon=True).start()

    def pull(self, content):
        port = free_port()
        pull = self.fleet.start("pull", "pull", "acme/model@1.1", "--state", self.member.state, "--listen", f"127.0.0.1:{port}")
        self.serve(port, content)
        code = pull.wait(60)
        return code, " ".join(event.get("message", "") for event in pull.events if event["type"] == "error")

    def assert_nothing_shown(self):
        self.assertFalse(os.path.lexists(os.path.join(self.member.state, "models", "acme", "model", "@1.1")))
        releases = os.path.join(self.member.state, "releases")
        self.assertEqual(os.listdir(releases) if os.path.isdir(releases) else [], [])

    def test_the_pieces_of_a_large_file_prove_another_file(self):
        code, message = self.pull(self.register("weights.bin"))
        self.assertEqual(code, 11, message)
        self.assertIn("weights.bin", message)
        self.assert_nothing_shown()

    def test_nothing_proves_anything(self):
        code, message = self.pull(self.register("weights.bin", strip=True))
        self.assertEqual(code, 11, message)
        self.assertIn("weights.bin", message)
        self.assert_nothing_shown()

    def test_a_file_of_one_piece_is_refused_before_a_byte_is_fetched(self):
        code, message = self.pull(self.register("a.txt"))
        self.assertEqual(code, 11, message)
        self.assertIn("a.txt", message)
        self.assert_nothing_shown()

    def test_a_release_without_states_is_still_taken_when_it_is_right(self):
        code, message = self.pull(self.register("no such file", strip=True))
        self.assertEqual(code, 0, message)
        done = self.fleet.run("verify", "acme/model@1.1", "--state", self.member.state)
        self.assertTrue(next(event for event in done.events if event["type"] == "verified")["ok"])
        shown = os.path.join(self.member.state, "models", "acme", "model", "@1.1", "weights.bin")
        with open(shown, "r+b") as file:
            file.seek(MB)
            file.write(b"!")
        damaged = self.fleet.run("verify", "acme/model@1.1", "--state", self.member.state, check=False)
        self.assertEqual(damaged.code, 11)
        problem = next(event for event in damaged.events if event["type"] == "verified")["problems"][0]
        self.assertEqual((problem["path"], problem["pieces"]), ("weights.bin", [1 + MB // PIECE_LENGTH]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
