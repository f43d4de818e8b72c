"""A BitTorrent tracker for the lab: compact answers over HTTP with every known peer, nothing on disk.

    http_tracker.py ADDRESS PORT FILE    FILE lists whom it knows, one `ADDRESS seed|node` a line; it appears when the tracker is ready
"""
import asyncio
import os
import socket
import sys
import urllib.parse

INTERVAL = 30  # seconds
MOST = 50  # peers in an answer


class Tracker:
    def __init__(self, path):
        self._path = path
        self._peers = {}  # (info hash, address, port): is a seed
        self._write()

    def _write(self):
        with open(self._path + ".new", "w", encoding="utf-8") as file:
            file.writelines(f"{address} {'seed' if seed else 'node'}\n" for (_, address, _), seed in self._peers.items())
        os.replace(self._path + ".new", self._path)

    def announce(self, query, address):
        values = dict(urllib.parse.parse_qsl(query, encoding="latin-1", keep_blank_values=True))
        content, port = values.get("info_hash", ""), int(values.get("port", "0"))
        key = (content, address, port)
        others = [other for other in self._peers if other[0] == content and other != key][:MOST]
        if values.get("event") == "stopped":
            self._peers.pop(key, None)
        else:
            self._peers[key] = values.get("left") == "0"
        self._write()
        peers = b"".join(socket.inet_aton(at) + number.to_bytes(2, "big") for _, at, number in others)
        seeds = sum(self._peers.values())
        head = f"d8:completei{seeds}e10:incompletei{len(self._peers) - seeds}e8:intervali{INTERVAL}e5:peers{len(peers)}:"
        return head.encode() + peers + b"e"

    async def serve(self, reader, writer):
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
            target = head.split(b" ", 2)[1].decode("latin-1")
            body = self.announce(target.partition("?")[2], writer.get_extra_info("peername")[0])
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
        except (asyncio.TimeoutError, asyncio.IncompleteReadError, ConnectionError, IndexError, ValueError):
            pass
        finally:
            writer.close()


async def main(address, port, path):
    tracker = None

    async def serve(reader, writer):
        await tracker.serve(reader, writer)

    server = await asyncio.start_server(serve, address, port)
    tracker = Tracker(path)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
