"""A tracker in the hands of somebody else: it has the tracker's certificate and its freshness key, and says what it wants.

It takes the place of the fleet's own tracker, on the same port. It serves the documents that it is given and nothing else; what needs
more (announces, reports, renewals) gets status 503. Documents of the real tracker are read from its database.

Standard library and the openssl program only.
"""
import base64
import contextlib
import datetime
import hashlib
import http.server
import json
import os
import sqlite3
import ssl
import subprocess
import threading
import urllib.parse

FRESHNESS = "application/vnd.shoal.freshness.v1+json"
CHANNEL = "application/vnd.shoal.channel.v1+json"
TRUST_ROOT = "application/vnd.shoal.trust-root.v1+json"


def openssl(*words, stdin=None):
    return subprocess.run(["openssl", *words], input=stdin, capture_output=True, check=True, timeout=30).stdout


def key_id(key):
    return hashlib.sha256(openssl("pkey", "-in", key, "-pubout", "-outform", "DER")).hexdigest()


def sign(kind, document, *keys):
    """The envelope (docs/formats.md) of a document, signed with these private keys."""
    payload = document if isinstance(document, bytes) else json.dumps(document).encode()
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    signatures = [{"keyid": key_id(key), "sig": base64.b64encode(openssl("dgst", "-sha256", "-sign", key, stdin=message)).decode()} for key in keys]
    return json.dumps({"payloadType": kind, "payload": base64.b64encode(payload).decode(), "signatures": signatures})


def payload_of(envelope):
    return base64.b64decode(json.loads(envelope)["payload"])


def time_text(seconds_from_now=0.0):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds_from_now)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


class Database:
    """The state that the real tracker keeps (tracker/database.cpp)."""

    def __init__(self, state):
        self.path = os.path.join(state, "tracker.db")

    def rows(self, query, *values):
        with contextlib.closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as database:
            return database.execute(query, values).fetchall()

    def pointer(self, model, channel):
        return self._text(self.rows("SELECT envelope FROM channels WHERE model = ? AND channel = ?", model, channel)[0][0])

    def release(self, model, version):
        """Id, envelope and metainfo."""
        row = self.rows("SELECT id, envelope, metainfo FROM releases WHERE model = ? AND version = ?", model, version)[0]
        return row[0].hex(), self._text(row[1]), bytes(row[2])

    @staticmethod
    def _text(value):
        return value.decode() if isinstance(value, bytes) else value


class HostileTracker:
    def __init__(self, state, port):
        self.state = state
        self.fleet = json.loads(payload_of(self._read("identity", "trust-root.json")))["fleet"]
        self._changed = threading.Condition()
        self._documents = {}
        self._missing = set()
        self._serial = 1
        self._statement = None
        self._ended = False
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.minimum_version = ssl.TLSVersion.TLSv1_3
        tls.load_cert_chain(os.path.join(state, "identity", "credentials.pem"))
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), self._handler(tls), bind_and_activate=True)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _read(self, *parts):
        with open(os.path.join(self.state, *parts), encoding="utf-8") as file:
            return file.read()

    def serve(self, path, body):
        with self._changed:
            self._documents[path] = body if isinstance(body, bytes) else body.encode()

    def has_no(self, path):
        """Answered with 404, where everything else that is not served gets 503."""
        self._missing.add(path)

    def serve_pointer(self, model, channel, envelope):
        self.serve(f"/v1/models/{model}/channels/{channel}", envelope)

    def serve_release(self, release):
        identity, envelope, metainfo = release
        self.serve(f"/v1/releases/{identity}", json.dumps({"id": identity, "envelope": envelope}))
        self.serve(f"/v1/releases/{identity}/metainfo", metainfo)

    def state_of(self, envelope, **changes):
        """The entry of a statement for a channel with this pointer."""
        payload = payload_of(envelope)
        pointer = json.loads(payload)
        named = {name: pointer[name] for name in ("model", "channel", "epoch", "sequence")}
        return {**named, "pointer": hashlib.sha256(payload).hexdigest(), **changes}

    def state_freshness(self, channels, issued=0.0, expires=3600.0, trust_root=1, key=None, shard=None):
        """From now on this is what everybody hears, at once: a new statement, signed with the tracker's own key."""
        with self._changed:
            self._serial += 1
            statement = {"schema": 1, "fleet": self.fleet, "serial": self._serial, "trust_root": trust_root, "issued": time_text(issued),
                         "expires": time_text(expires), "channels": sorted(channels, key=lambda each: (each["model"], each["channel"]))}
            if shard is not None:
                statement["shard"] = shard
            self._statement = sign(FRESHNESS, statement, key or os.path.join(self.state, "freshness.key")).encode()
            self._changed.notify_all()

    def _answer(self, path, query):
        with self._changed:
            if path == "/v1/freshness":
                heard, patience = query.get("after", []), float(query.get("wait", ["0"])[0])
                self._changed.wait_for(lambda: self._ended or str(self._serial) not in heard, timeout=patience)
                if self._ended:
                    raise ConnectionAbortedError  # as a process that ends: nobody waits for the rest of his patience
                return self._statement
            return self._documents.get(path)

    def _handler(self, tls):
        tracker = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                self.request.settimeout(60)
                self.request = tls.wrap_socket(self.request, server_side=True)
                super().setup()

            def do_GET(self):
                url = urllib.parse.urlsplit(self.path)
                body = tracker._answer(urllib.parse.unquote(url.path), urllib.parse.parse_qs(url.query))
                if url.path in tracker._missing:
                    return self.say(404, b'{"error":{"code":"not_found","message":"there is none"}}')
                self.say(200 if body is not None else 503, body or b'{"error":{"code":"unreachable","message":"not today"}}')

            def do_PUT(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.say(503, b'{"error":{"code":"unreachable","message":"not today"}}')

            do_POST = do_PUT

            def say(self, status, body):
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def handle(self):
                with contextlib.suppress(OSError):
                    super().handle()

            def finish(self):
                with contextlib.suppress(OSError):
                    super().finish()
                self.request.close()

            def log_message(self, *words):
                pass

        class Quiet(Handler):
            def __init__(self, *words):
                with contextlib.suppress(OSError):  # a handshake that failed, a client that is gone
                    super().__init__(*words)

        return Quiet
