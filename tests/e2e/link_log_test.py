"""`--log-level debug` follows one link: docs/troubleshooting.md, "Following one link"."""
import json
import socket
import unittest

from cases import FleetCase

DEBUG = ("--log-level", "debug")


def all_lines_of(process):
    """The log of a process with --json, line by line."""
    with open(process.log_path, encoding="utf-8") as log:
        return [json.loads(line) for line in log if line.startswith("{")]


def lines_of(process):
    """The log without the lines that repeat an event under its former name."""
    return [line for line in all_lines_of(process) if "alias_of" not in line]


class FollowingOneLink(FleetCase):
    def setUp(self):
        super().setUp()
        self.original = self.published()

    def id_of(self, member):
        done = self.fleet.run("status", "--state", member.state, check=False)
        return next(event["id"] for event in done.events if event["type"] == "machine")

    def assert_story(self, process, peer, chapters):
        """Each chapter (event, fields that must be there with a value that fits) happens after the one before, with this peer."""
        lines = [line for line in lines_of(process) if line.get("machine") == peer]
        told = "\n".join(json.dumps(line) for line in lines)
        at = 0
        for event, wanted in chapters:
            found = next((i for i in range(at, len(lines)) if lines[i]["event"] in event.split("|")
                          and all(key in lines[i] and fits(lines[i][key]) for key, fits in wanted.items())), None)
            self.assertIsNotNone(found, f"{process.name} does not tell of {event} {list(wanted)} after line {at} of:\n{told}")
            self.assertEqual(len(lines[found]["info_hash"]), 40)
            at = found

    def test_both_sides_tell_the_story_of_a_small_fetch(self):
        seeder = self.fleet.start_seeder(self.source, *DEBUG)
        node = self.fleet.join("node")
        ids = {"source": self.id_of(self.source), "node": self.id_of(node)}
        pull = self.fleet.pull(node, "acme/model", *DEBUG)
        pull.complete()
        self.assertEqual(pull.wait(), 0)
        self.until("the seeder notices that the node is gone",
                   lambda: any(line["event"] == "link_down" for line in lines_of(seeder)), deadline=30)

        words, number = (lambda text: bool(text)), (lambda text: int(text) > 0)
        self.assert_story(pull, ids["source"], [
            ("link_dialling|link_accepted", {"address": words}),
            ("link_up", {"dialled_by": words}),
            ("peer_handshake", {"source": lambda text: text == "yes", "client": words}),
            ("peer_pieces", {"has": lambda text: text == "all"}),
            ("peer_grants", {"grants_received": number, "grants_received_pieces": words}),
            ("peer_traffic", {"blocks_received": number, "blocks_received_pieces": words}),
            ("peer_closed", {"reason": words})])
        self.assert_story(seeder, ids["node"], [
            ("link_dialling|link_accepted", {"address": words}),
            ("link_up", {"dialled_by": words}),
            ("peer_handshake", {"source": lambda text: text == "no"}),
            ("peer_grants", {"grants_sent": number, "grants_sent_pieces": words}),
            ("peer_traffic", {"requests_received": number}),
            ("peer_closed", {"reason": words, "handshake": lambda text: text == "yes"})])
        # The mesh and the engine notice the end of a link each on its own thread, in either order.
        self.assert_story(seeder, ids["node"], [
            ("link_up", {"dialled_by": words}),
            ("link_down", {"reason": words, "milliseconds": number})])
        for process in (pull, seeder):
            said = [line["has"] for line in lines_of(process) if line["event"] == "peer_pieces"]
            self.assertEqual(len(said), len([line for line in lines_of(process) if line["event"] == "link_up"]), said)
        named = [line for line in lines_of(pull) if line["event"] == "tracker_answered"]
        self.assertIn(ids["source"], named[0]["named"])
        # Scripts that know the former names of events and keys find them for one release.
        former = next(line for line in all_lines_of(seeder) if line["event"] == "link.down")
        self.assertEqual((former["alias_of"], former["peer"], len(former["content"]), bool(former["why"])),
                         ("link_down", ids["node"], 40, True))

    def test_the_usual_level_tells_nothing_of_it(self):
        seeder = self.fleet.start_seeder(self.source, "--log-level", "info")
        self.fleet.pull(self.fleet.join("node"), "acme/model").complete()
        self.assertEqual([line["event"] for line in lines_of(seeder) if line["event"].split("_")[0] in ("link", "peer")], [])

    def test_a_stranger_is_refused_with_a_reason_and_fills_no_disk(self):
        seeder = self.fleet.start_seeder(self.source, *DEBUG)
        port = int(str(seeder.last("seeding")["listen"]).rsplit(":", 1)[-1])

        def knock(times):
            for _ in range(times):
                with socket.create_connection(("127.0.0.1", port), timeout=10) as stranger:
                    stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
                    try:
                        while stranger.recv(4096):
                            pass
                    except ConnectionError:
                        pass

        def refused():
            return [line for line in lines_of(seeder) if line["event"] == "link_refused"]

        knock(400)
        lines = self.until("the refusals are told", refused)
        self.assertLessEqual(len(lines), 150, "fifty at once and five a second")
        self.assertEqual({(line["from"], line["reason"]) for line in lines}, {("127.0.0.1", "the TLS handshake failed")})

        def omitted():
            knock(1)
            return [line for line in refused() if "omitted" in line]

        self.assertGreater(int(self.until("the next line says how many were left out", omitted)[0]["omitted"]), 100)

    def test_who_is_not_there_is_named_with_the_reason(self):
        seeder = self.fleet.start_seeder(self.source)
        self.fleet.pull(self.fleet.join("first"), "acme/model").complete()
        seeder.kill()
        pull = self.fleet.pull(self.fleet.join("node"), "acme/model", *DEBUG)
        source = self.id_of(self.source)
        line = self.until("the failed dial is told", lambda: next(
            (line for line in lines_of(pull) if line["event"] == "link_dial_failed" and line["machine"] == source), None))
        self.assertIn("cannot be reached", line["reason"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
