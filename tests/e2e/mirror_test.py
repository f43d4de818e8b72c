"""HTTPS mirrors: the last resort of a fetch, and never a source of a byte that was not signed."""
import http.server
import os
import ssl
import subprocess
import threading
import unittest

from cases import FleetCase, make_model


class Mirror:
    """Serves a directory over TLS with ranges, and counts what it is asked for. Its certificate is its own authority."""

    def __init__(self, directory, certificates, spoil=False, ranges=True):
        self.requests = []
        mirror = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                mirror.requests.append(self.path)
                path = os.path.join(directory, self.path.removeprefix("/models/"))
                if not os.path.isfile(path):
                    return self.answer(404, b"no such file", {})
                with open(path, "rb") as file:
                    data = file.read()
                wanted = self.headers.get("Range") if ranges else None
                if not wanted:
                    return self.answer(200, data, {})
                first, last = (int(part) for part in wanted.removeprefix("bytes=").split("-"))
                piece = bytearray(data[first:last + 1])
                if spoil:
                    piece[0] ^= 1
                return self.answer(206, bytes(piece), {"Content-Range": f"bytes {first}-{last}/{len(data)}"})

            def answer(self, status, body, headers):
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(body))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.certificate = os.path.join(certificates, "mirror.pem")
        key = os.path.join(certificates, "mirror.key")
        if not os.path.exists(key):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
                            self.certificate, "-days", "2", "-subj", "/CN=mirror", "-addext", "subjectAltName=IP:127.0.0.1"],
                           check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None  # a node that hangs up in the middle is part of the tests
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server.server_port}/models"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Mirrors(FleetCase):
    def mirror(self, directory, **how):
        mirror = Mirror(directory, self.fleet.directory, **how)
        self.addCleanup(mirror.close)
        return mirror

    def published_with(self, *mirrors):
        words = [word for mirror in mirrors for word in ("--mirror", mirror.url)]
        self.fleet.publish(self.source, self.original, "acme/model", "1.0", *words)

    def setUp(self):
        super().setUp()
        self.original = make_model(self.fleet.path("model"), 4)

    def pull(self, member, authority, *extra):
        return self.fleet.pull(member, "acme/model", "--mirror-ca", authority, "--mirror-after", "1s", *extra)

    def test_without_any_source_the_mirror_gives_every_piece(self):
        mirror = self.mirror(self.original)
        self.published_with(mirror)
        done = self.pull(self.fleet.join("node"), mirror.certificate).complete(90)
        self.assert_same(self.original, done["path"])
        self.assertEqual((done["bytes_from_source"], done["bytes_from_peers"]), (0, 0))
        self.assertGreaterEqual(done["bytes_from_mirrors"], 4_000_000)

    def test_a_mirror_with_other_bytes_is_dropped_and_named_and_the_next_one_is_asked(self):
        liar, honest = self.mirror(self.original, spoil=True), self.mirror(self.original)
        self.published_with(liar, honest)
        pull = self.pull(self.fleet.join("node"), honest.certificate)
        done = pull.complete(90)
        self.assert_same(self.original, done["path"])
        self.assertEqual(len(liar.requests), 1, "a mirror that lied is not asked again")
        self.assertIn("signed", pull.last("mirror_failed")["message"])

    def test_a_mirror_that_knows_no_ranges_gives_nothing_and_a_source_that_comes_ends_the_wait(self):
        mirror = self.mirror(self.original, ranges=False)
        self.published_with(mirror)
        pull = self.pull(self.fleet.join("node"), mirror.certificate)
        self.until("the mirror was asked", lambda: mirror.requests, 60)
        self.fleet.start_seeder(self.source)
        done = pull.complete(90)
        self.assert_same(self.original, done["path"])

    def test_while_there_is_a_source_no_mirror_is_asked(self):
        mirror = self.mirror(self.original)
        self.published_with(mirror)
        self.fleet.start_seeder(self.source)
        done = self.pull(self.fleet.join("node"), mirror.certificate).complete(90)
        self.assertEqual((mirror.requests, done["bytes_from_mirrors"]), ([], 0))

    def test_a_mirror_whose_certificate_nobody_vouches_for_is_not_used(self):
        mirror = self.mirror(self.original)
        self.published_with(mirror)
        pull = self.fleet.pull(self.fleet.join("node"), "acme/model", "--mirror-after", "1s")
        failed = pull.wait_event("mirror_failed", 60)
        self.assertEqual(failed["mirror"], mirror.url)
        self.assertIn("certificate", failed["message"])
        self.assertEqual(mirror.requests, [])
        self.fleet.start_seeder(self.source)
        pull.complete(90)

    def test_an_address_that_is_no_https_mirror_is_refused(self):
        done = self.fleet.publish(self.source, self.original, "acme/model", "1.0", "--mirror", "http://127.0.0.1/x", check=False)
        self.assert_refused(done, 2, "--mirror", "https")


if __name__ == "__main__":
    unittest.main()
