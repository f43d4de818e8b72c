"""Members of the fleet that lie, and such as ask and do not read. Whom a node keeps away, and what it costs it."""
import contextlib
import json
import os
import random
import struct
import threading
import time

from cases import FleetCase, MB, main_side_by_side, write

import hostile_peer
from hostile_peer import BLOCK, HostilePeer, extended, machine_id, message, piece_length_of, request

SIZE = 26 * MB
PIECE_LENGTH = piece_length_of(SIZE)  # four blocks


def spoilt(block):
    return bytes(byte ^ 255 for byte in block[:64]) + block[64:]


class LyingCase(FleetCase):
    """One file, a seeder with a slow uplink, a node that follows, and liars that were there before the seeder's pieces."""

    def setUp(self):
        super().setUp()
        self.liars = []

    def start(self, size=SIZE, upload="3MB"):
        directory = self.fleet.path("model")
        write(os.path.join(directory, "weights.bin"), size, 7)
        with open(os.path.join(directory, "weights.bin"), "rb") as file:
            self.data = file.read()
        self.content = self.fleet.publish(self.source, directory, "acme/model", "1.0", channel="main")["info_hash"]
        self.seeder = self.fleet.start_seeder(self.source, "--upload-limit", upload)
        self.member = self.fleet.join("node")
        self.start_node()

    def start_node(self):
        self.node = self.fleet.start_node(self.member, "--follow", "acme/model:main")
        self.port = self.node.wait_event("running")["listen"]

    def until_it_has(self, size):
        def done():
            status = self.fleet.run("status", "--state", self.member.state, check=False)
            rows = [row for event in status.events if event["type"] == "node" for row in event["subscriptions"]]
            return any((row.get("progress") or {}).get("done", 0) >= size for row in rows)

        deadline = time.monotonic() + 60
        while not done():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.2)

    def liar(self, answer, comes_back=False):
        member = self.fleet.join(f"liar{len(self.liars)}")
        self.liars.append(member)
        peer = self.link(member, answer)
        if comes_back:
            threading.Thread(target=self.link_again, args=(member, answer, peer), daemon=True).start()
        return peer

    def link(self, member, answer):
        """The node takes links once it has begun to fetch."""
        deadline = time.monotonic() + 30
        while True:
            try:
                peer = HostilePeer(member, self.port, self.content)
                break
            except (OSError, EOFError):
                if time.monotonic() > deadline or not self.node.running:
                    raise
                time.sleep(0.1)
        peer.serve(self.data, answer)
        self.addCleanup(peer.close)
        return peer

    def link_again(self, member, answer, peer):
        with contextlib.suppress(OSError, EOFError):
            while self.node.running and not self.node.last("activated"):
                peer.ended.wait()
                peer = self.link(member, answer)

    def lies(self):
        """The log's lines about machines that were proved to lie."""
        with open(self.node.log_path, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file if line.startswith("{")]
        return [line for line in lines if line.get("event") == "peer_lied"]

    def assert_completes(self, liars, most=1.5):
        """The node has it all within what `most` copies take, and has named just these."""
        self.node.wait_event("activated", 120)
        self.assertEqual({lie["peer"] for lie in self.lies()}, {machine_id(liar) for liar in liars})
        done = self.node.last("fetched")
        self.assertLess(done["bytes_from_source"] + done["bytes_from_peers"], most * len(self.data), done)


class Liars(LyingCase):
    def test_one_wrong_block_in_each_shared_piece_bans_the_liar_and_not_the_seeder(self):
        spoiled, right = set(), [0]

        def answer(piece, start, block):
            if right[0] < 40:
                right[0] += 1
                return block
            if start != 0 or piece in spoiled:
                return None
            spoiled.add(piece)
            return spoilt(block)

        self.start()
        self.liar(answer)
        self.assert_completes(self.liars)

    def test_only_the_last_block_is_wrong(self):
        self.start()
        self.liar(lambda piece, start, block: spoilt(block) if start == PIECE_LENGTH - BLOCK else block)
        self.assert_completes(self.liars)

    def test_every_block_is_wrong(self):
        self.start()
        self.liar(lambda piece, start, block: spoilt(block))
        self.assert_completes(self.liars)

    def test_two_liars_who_share_pieces_with_the_seeder(self):
        self.start()
        for which in (0, BLOCK):
            self.liar(lambda piece, start, block, which=which: spoilt(block) if start == which else (block if piece % 2 else None))
        self.assert_completes(self.liars)

    def test_a_liar_that_comes_back_is_turned_away(self):
        self.start(upload="3MB")
        peer = self.liar(lambda piece, start, block: spoilt(block))
        self.assertTrue(peer.ended.wait(60))
        again = HostilePeer.__new__(HostilePeer)
        with self.assertRaises((OSError, EOFError)):
            again.__init__(self.liars[0], self.port, self.content)
            again.offer_everything()
            again.socket.settimeout(20)
            while True:
                again.next()
        self.assert_completes(self.liars)

    def test_a_machine_with_bad_memory_is_kept_away_for_a_while_and_nobody_else_is(self):
        chance = random.Random(3)
        self.start()
        self.liar(lambda piece, start, block: spoilt(block) if chance.random() < 0.003 else block)
        self.assert_completes(self.liars)

    def test_a_fetch_that_goes_on_after_a_crash_names_the_liar_and_not_the_seeder(self):
        self.start()
        member = self.fleet.join("liar")
        self.liars.append(member)
        last_block = lambda piece, start, block: spoilt(block) if start == PIECE_LENGTH - BLOCK else block  # noqa: E731
        self.link(member, last_block)
        self.until_it_has(len(self.data) // 4)
        self.node.kill()
        self.start_node()
        self.link(member, last_block)
        self.assert_completes(self.liars)

    def test_the_only_machine_that_has_the_content_is_never_kept_away_for_long(self):
        chance = random.Random(3)
        self.start()
        self.seeder.stop()
        answer = lambda piece, start, block: spoilt(block) if chance.random() < 0.003 else block  # noqa: E731
        self.liar(answer, comes_back=True)
        self.assert_completes(self.liars)


def kinds_of_flood(pieces):
    """Messages that a peer may send for ever without reading: by name, a run of them."""
    numbers = [struct.pack(">I", n % pieces) for n in range(4096)]
    handshake = b"d1:md10:shoal_showi20ee11:shoal_grantd6:sourcei0e1:vi1eee"
    return {
        "shows": extended(0, handshake) + extended(hostile_peer.SHOW, b"".join(numbers)) * 4,
        "shows of one piece": extended(0, handshake) + extended(hostile_peer.SHOW, numbers[0] * 4096) * 4,
        "requests": message(hostile_peer.INTERESTED) + request(1, 0) * 1000,
        "requests of odd lengths": request(1, 0, 100) * 1000,
        "requests of no piece": request(pieces + 5, 0) * 1000,
        "bitfields": message(hostile_peer.BITFIELD, bytes((pieces + 7) // 8)) * 100,
        "full bitfields": (message(hostile_peer.HAVE_ALL) + message(hostile_peer.HAVE_NONE)) * 500,
        "haves": b"".join(message(hostile_peer.HAVE, number) for number in numbers),
        "interest": (message(hostile_peer.INTERESTED) + message(hostile_peer.NOT_INTERESTED)) * 500,
        "chokes": (message(hostile_peer.CHOKE) + message(hostile_peer.UNCHOKE)) * 500,
        "suggestions": b"".join(message(hostile_peer.SUGGEST, number) for number in numbers),
        "allowed fast": b"".join(message(hostile_peer.ALLOWED_FAST, number) for number in numbers),
        "extended handshakes": extended(0, handshake) * 200,
        "cancels": (request(1, 0) + message(hostile_peer.CANCEL, struct.pack(">III", 1, 0, BLOCK))) * 500,
        "rejects": message(hostile_peer.REJECT, struct.pack(">III", 1, 0, BLOCK)) * 1000,
        "blocks that nobody asked for": message(hostile_peer.PIECE, struct.pack(">II", 1, 0) + bytes(BLOCK)) * 8,
        "keep-alives": bytes(4) * 4000,
    }


class Unread(FleetCase):
    """Thirty members that send and do not read, all at once."""
    members = 30
    each = 20 * MB  # sent by each
    seconds = 15  # at most
    # KiB. A sanitizer keeps what was freed for a while, and pads what is in use: there the bound is only that it does not grow for ever.
    most = (1024 if os.environ.get("SHOAL_SANITIZED") else 256) * 1024

    def setUp(self):
        super().setUp()
        directory = self.fleet.path("model")
        write(os.path.join(directory, "weights.bin"), SIZE, 7)
        self.content = self.fleet.publish(self.source, directory, "acme/model", "1.0", channel="main")["info_hash"]
        self.seeder = self.fleet.start_seeder(self.source)
        self.hostile = [self.fleet.join(f"hostile{i}") for i in range(self.members)]

    @staticmethod
    def resident(process):
        with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    def flood(self, victim, port, *names):
        """The kinds by name; all of them where none is named. SHOAL_FLOOD names one instead."""
        kinds = kinds_of_flood(SIZE // PIECE_LENGTH + 1)
        names = [os.environ["SHOAL_FLOOD"]] if os.environ.get("SHOAL_FLOOD") else names or list(kinds)
        over = threading.Event()

        def one(index):
            sent = 0
            while sent < self.each and not over.is_set():
                try:
                    peer = HostilePeer(self.hostile[index], port, self.content, receive_buffer=4096)
                except (OSError, EOFError):  # turned away for the moment
                    over.wait(0.2)
                    continue
                with contextlib.closing(peer):
                    sent += peer.flood(kinds[names[index % len(names)]], self.each - sent, over.is_set)

        threads = [threading.Thread(target=one, args=(index,), daemon=True) for index in range(self.members)]
        for thread in threads:
            thread.start()
        end, most = time.monotonic() + self.seconds, 0
        while time.monotonic() < end and victim.running and any(thread.is_alive() for thread in threads):
            most = max(most, self.resident(victim))
            time.sleep(0.1)
        over.set()
        for thread in threads:
            thread.join(20)
        self.assertTrue(victim.running)
        print(f"{victim.name}: {most // 1024} MiB with {', '.join(names)}", flush=True)
        self.assertLess(most, self.most)

    def test_a_seeder_stays_small_and_serves_others(self):
        port = self.seeder.last("seeding")["listen"]
        self.flood(self.seeder, port, "requests")
        self.flood(self.seeder, port)
        self.fleet.pull(self.fleet.join("node"), "acme/model@1.0").complete(60)

    def test_a_node_stays_small(self):
        node = self.fleet.start_node(self.fleet.join("node"), "--follow", "acme/model:main")
        node.wait_event("activated", 60)
        port = node.last("running")["listen"]
        self.flood(node, port, "shows of one piece")
        self.flood(node, port)


if __name__ == "__main__":
    main_side_by_side(4, "Unread")
