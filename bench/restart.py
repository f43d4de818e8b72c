#!/usr/bin/env python3
"""Measures how long a seeder and a node take to serve a checkpoint of 100 GiB again after kill -9, and how many bytes they read.

The checkpoint is sparse: zeroes that take no space, with the hashes of one file and one piece. Shoal does not know that; a program that
hashed its files at startup would need minutes and read every byte.
"""
import argparse
import base64
import hashlib
import http.client
import json
import os
import ssl
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "support"))
from fleet import Fleet  # noqa: E402

GIB = 1 << 30
PIECE = 16 << 20
MODEL, VERSION = "acme/zeroes", "1"
RELEASE_TYPE = "application/vnd.shoal.release.v1+json"


def bencode(value):
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, list):
        return b"l" + b"".join(map(bencode, value)) + b"e"
    return b"d" + b"".join(bencode(key) + bencode(value[key]) for key in sorted(value)) + b"e"


def describe(count):
    """(release payload, metainfo) of `count` files of 1 GiB of zeroes."""
    piece = bytes(PIECE)
    whole = hashlib.sha256()
    for _ in range(GIB // PIECE):
        whole.update(piece)
    names = [f"shard-{number:04}.bin" for number in range(count)]
    pieces = count * (GIB // PIECE)
    content = hashlib.sha256(b"".join(name.encode() + b"\0%d\0" % GIB + whole.digest() for name in names)).hexdigest()[:32]
    info = {b"files": [{b"length": GIB, b"path": [name.encode()]} for name in names], b"name": content.encode(), b"piece length": PIECE,
            b"pieces": hashlib.sha1(piece).digest() * pieces, b"private": 1}
    metainfo = bencode({b"info": info, b"sha256 pieces": hashlib.sha256(piece).digest() * pieces})
    swarm = {"info_hash": hashlib.sha1(bencode(info)).hexdigest(), "piece_length": PIECE,
             "metainfo_sha256": hashlib.sha256(metainfo).hexdigest(), "metainfo_size": len(metainfo)}
    release = {"schema": 1, "model": MODEL, "version": VERSION, "created": "2026-01-01T00:00:00Z",
               "files": [{"path": name, "size": GIB, "sha256": whole.hexdigest()} for name in names], "total_size": count * GIB,
               "format": {"kind": "other", "tensors": 0, "parameters": 0, "bytes_per_dtype": {}}, "labels": {}, "swarm": swarm, "allows_code": True}
    return json.dumps(release).encode(), metainfo


def sign(payload, key):
    """A DSSE envelope, made with the openssl program."""
    message = b"DSSEv1 %d %s %d %s" % (len(RELEASE_TYPE), RELEASE_TYPE.encode(), len(payload), payload)
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=message, capture_output=True, check=True).stdout
    public = subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"], capture_output=True, check=True).stdout
    signatures = [{"keyid": hashlib.sha256(public).hexdigest(), "sig": base64.b64encode(signature).decode()}]
    return json.dumps({"payloadType": RELEASE_TYPE, "payload": base64.b64encode(payload).decode(), "signatures": signatures})


def register(fleet, member, envelope, metainfo):
    """Registers it with the tracker, as `publish` does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # our own tracker, on loopback
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(os.path.join(member.state, "identity", "credentials.pem"))
    connection = http.client.HTTPSConnection("127.0.0.1", fleet.port, context=context, timeout=30)
    body = json.dumps({"envelope": envelope, "metainfo": base64.b64encode(metainfo).decode()})
    connection.request("PUT", f"/v1/models/{MODEL}/versions/{VERSION}", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    if answer.status >= 300:
        raise RuntimeError(f"the tracker refused the release: {answer.status} {answer.read()!r}")


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())


def sparse_files(directory, count):
    os.makedirs(directory)
    for number in range(count):
        with open(os.path.join(directory, f"shard-{number:04}.bin"), "wb") as file:
            file.truncate(GIB)
    return [os.stat(os.path.join(directory, f"shard-{number:04}.bin")).st_mtime_ns for number in range(count)]


def prepare(fleet, count):
    """A tracker that knows the release, a seeder and a node that have it."""
    fleet.init()
    fleet.start_tracker()
    source, node = fleet.join("source", role="seeder"), fleet.join("node")
    payload, metainfo = describe(count)
    envelope = sign(payload, fleet.path("keys", "publisher.key"))
    register(fleet, source, envelope, metainfo)
    release = hashlib.sha256(payload).hexdigest()
    root = fleet.path("zeroes")
    record = {"model": MODEL, "root": root, "envelope": envelope, "mtimes_ns": sparse_files(root, count)}
    write(os.path.join(source.state, "sources", release + ".torrent"), metainfo)
    write(os.path.join(source.state, "sources", release + ".json"), json.dumps(record))
    sparse_files(os.path.join(node.state, "releases", release), count)
    write(os.path.join(node.state, "manifests", release + ".torrent"), metainfo)
    write(os.path.join(node.state, "manifests", release + ".json"), envelope)
    return source, node


def bytes_read(process):
    with open(f"/proc/{process.pid}/io", encoding="ascii") as file:
        return int(file.readline().split()[1])


def restarted(start, event):
    """A process that was killed and started again, and the seconds until its `event`."""
    start().kill()
    process = start()
    return process, process.heard[next(i for i, heard in enumerate(process.events) if heard["type"] == event)]


def complete_copies(fleet, node):
    """The tracker's view of it."""
    done = fleet.run("status", "--state", node.state)
    return next(event for event in done.events if event["type"] == "fleet")["swarms"][0]["seeders"]


def measure(count):
    with Fleet() as fleet:
        source, node = prepare(fleet, count)

        def pull():
            process = fleet.pull(node, f"{MODEL}@{VERSION}", "--allow-code-formats", seed_for="60s")
            process.complete(60)
            return process

        seeder, seeder_seconds = restarted(lambda: fleet.start_seeder(source), "seeding")
        puller, puller_seconds = restarted(pull, "complete")
        end = time.monotonic() + 30
        while complete_copies(fleet, node) < 2:
            if time.monotonic() > end:
                raise RuntimeError("the tracker does not hear of two complete copies")
        # By now a program that hashes in the background would have begun.
        return {"type": "restart", "gib": count, "seeder": {"seconds": round(seeder_seconds, 3), "bytes_read": bytes_read(seeder)},
                "node": {"seconds": round(puller_seconds, 3), "bytes_read": bytes_read(puller)}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gib", type=int, default=100, help="size of the checkpoint (default: 100)")
    parser.add_argument("--json", action="store_true", help="one object instead of text")
    options = parser.parse_args()
    result = measure(options.gib)
    if options.json:
        print(json.dumps(result))
        return
    for name in ("seeder", "node"):
        print(f"{name}: serves {options.gib} GiB {result[name]['seconds']:.2f} s after its start, having read {result[name]['bytes_read']:,} bytes")


if __name__ == "__main__":
    main()
