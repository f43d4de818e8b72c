"""A member of a fleet as a script: its certificate on a socket, requests that keep no rules, and what a process takes of memory."""
import base64
import hashlib
import http.client
import json
import os
import socket
import ssl
import tempfile

import hostile_tracker


def blocks(path):
    """The PEM blocks of a file: of credentials.pem the key, the certificate and the CA."""
    with open(path, encoding="ascii") as file:
        return ["-----BEGIN " + block for block in file.read().split("-----BEGIN ")[1:]]


def context_of(credentials, protocol="http/1.1"):
    """`protocol` as for ALPN."""
    key, certificate, authority = blocks(credentials)[:3]
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.check_hostname = False
    made.load_verify_locations(cadata=authority)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(key + certificate)
        file.flush()
        made.load_cert_chain(file.name)
    made.set_alpn_protocols([protocol])
    return made


def credentials_of(state):
    return os.path.join(state, "identity", "credentials.pem")


def stranger():
    """As a machine that enrols: no certificate."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.set_alpn_protocols(["shoal-enrol/1"])
    return made


def connect(context, port, receive_buffer=None, timeout=20, source="127.0.0.1"):
    raw = socket.socket()
    if receive_buffer:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    raw.settimeout(timeout)
    raw.bind((source, 0))
    raw.connect(("127.0.0.1", port))
    return context.wrap_socket(raw)


def ask(context, port, method, path, body=None):
    """Status, headers and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.sock = connect(context, port)
    connection.request(method, path, body=body, headers={"Content-Type": "application/json"} if body else {})
    response = connection.getresponse()
    answer = response.status, response.headers, response.read()
    connection.close()
    return answer


def megabytes_of(pid):
    """Resident memory."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) // 1024


def register_large(context, port, key, model, megabytes):
    """A release whose metainfo has that size and says nothing; its id."""
    metainfo = os.urandom(megabytes * 1000 * 1000)
    swarm = {"info_hash": os.urandom(20).hex(), "piece_length": 4194304, "metainfo_sha256": hashlib.sha256(metainfo).hexdigest(),
             "metainfo_size": len(metainfo)}
    release = {"schema": 1, "model": model, "version": "1", "created": hostile_tracker.time_text(),
               "files": [{"path": "a", "size": 1600000000000, "sha256": "0" * 64}], "total_size": 1600000000000,
               "format": {"kind": "other", "tensors": 0, "parameters": 0, "bytes_per_dtype": {}}, "labels": {}, "swarm": swarm}
    envelope = hostile_tracker.sign("application/vnd.shoal.release.v1+json", release, key)
    body = json.dumps({"envelope": envelope, "metainfo": base64.b64encode(metainfo).decode()})
    status, _, answer = ask(context, port, "PUT", f"/v1/models/{model}/versions/1", body)
    if status != 200:
        raise RuntimeError(f"not registered: {status} {answer[:200]}")
    return hashlib.sha256(hostile_tracker.payload_of(envelope)).hexdigest()
