"""A member of the fleet that keeps no rules: it has a certificate, links to a node or a seeder as any machine does, and says what it wants.

    peer = HostilePeer(member, port, info_hash)      linked, after BitTorrent's handshake
    peer.serve(data, lambda piece, start, block: ...)   answers requests on a thread of its own until the link ends

Standard library and the openssl program only.
"""
import contextlib
import re
import socket
import ssl
import struct
import subprocess
import threading

from member_http import blocks, context_of, credentials_of

CHOKE, UNCHOKE, INTERESTED, NOT_INTERESTED, HAVE, BITFIELD, REQUEST, PIECE, CANCEL = range(9)
SUGGEST, HAVE_ALL, HAVE_NONE, REJECT, ALLOWED_FAST = 13, 14, 15, 16, 17
EXTENDED = 20
SHOW = 20  # of shoal_show, when it goes to our machines

BLOCK = 16 * 1024


def piece_length_of(size):
    """The piece length that `publish` chooses for this size, up to 64 MiB (decision 0010)."""
    return next(length for length, most in ((16 * 1024, 512), (32 * 1024, 768), (64 * 1024, 1024)) if size <= length * most)


def machine_id(member):
    """As its certificate names it."""
    certificate = blocks(credentials_of(member.state))[1]
    text = subprocess.run(["openssl", "x509", "-noout", "-ext", "subjectAltName"], input=certificate, capture_output=True, check=True,
                          text=True, timeout=30).stdout
    return re.search(r"URI:spiffe://\S+/([a-z2-7]{12})", text).group(1)


def message(kind, body=b""):
    return struct.pack(">IB", 1 + len(body), kind) + body


def extended(kind, body):
    return message(EXTENDED, bytes([kind]) + body)


def request(piece, start, length=BLOCK):
    return message(REQUEST, struct.pack(">III", piece, start, length))


class HostilePeer:
    """One link. `receive_buffer` makes the kernel take little of what it does not read."""

    def __init__(self, member, port, info_hash, receive_buffer=None):
        plain = socket.socket()
        if receive_buffer:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        plain.settimeout(20)
        plain.connect(("127.0.0.1", port))
        self.socket = context_of(credentials_of(member.state), "shoal-bt/1").wrap_socket(plain)
        self._buffer = b""
        self._writing = threading.Lock()
        self.ended = threading.Event()
        self.send(b"\x13BitTorrent protocol" + b"\0\0\0\0\0\x10\0\x04" + bytes.fromhex(info_hash) + b"-SH0100-" + machine_id(member).encode())
        self._take(68)

    def send(self, data):
        with self._writing:
            self.socket.sendall(data)

    def _take(self, size):
        while len(self._buffer) < size:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError
            self._buffer += data
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def next(self):
        """Kind and body of the next message; kind None for a keep-alive."""
        length = struct.unpack(">I", self._take(4))[0]
        if length == 0:
            return None, b""
        body = self._take(length)
        return body[0], body[1:]

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self.socket.close()

    def flood(self, data, most, until):
        """Sends the same again and again without ever reading, `most` bytes, or until the link ends. Returns the bytes that were taken."""
        sent = 0
        self.socket.settimeout(0.5)
        while sent < most and not until():
            try:
                sent += self.socket.send(data)
            except (TimeoutError, ssl.SSLWantWriteError):
                continue
            except OSError:
                break
        return sent

    def offer_everything(self):
        self.send(extended(0, b"d1:mdee") + message(HAVE_ALL) + message(UNCHOKE))

    def serve(self, data, answer):
        """Offers everything. `answer` gets piece, start and the right block, and returns what is sent instead, or None for silence."""
        self.offer_everything()
        self.socket.settimeout(None)
        thread = threading.Thread(target=self._serve, args=(data, answer, piece_length_of(len(data))), daemon=True)
        thread.start()
        return thread

    def _serve(self, data, answer, piece_length):
        with contextlib.suppress(OSError, EOFError, ValueError):
            while True:
                kind, body = self.next()
                if kind == REQUEST:
                    piece, start, length = struct.unpack(">III", body)
                    at = piece * piece_length + start
                    block = answer(piece, start, data[at:at + length].ljust(length, b"\0"))
                    if block is not None:
                        self.send(message(PIECE, struct.pack(">II", piece, start) + block))
        self.ended.set()
