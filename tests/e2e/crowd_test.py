"""A tracker that is asked for too much: by strangers without a certificate, by members that do not read, by guesses of tokens."""
import contextlib
import json
import resource
import time
import unittest

import cases
import member_http as member

resource.setrlimit(resource.RLIMIT_NOFILE, (20000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


class Crowd(cases.FleetCase):
    def setUp(self):
        super().setUp()
        self.open = []
        self.addCleanup(lambda: [each.close() for each in self.open])

    def asks_in_time(self, who, seconds=1.0):
        """Another member is answered; the time is that of the request, without the start of a process."""
        began = time.monotonic()
        status, _, _ = member.ask(member.context_of(member.credentials_of(who.state)), self.fleet.port, "GET", "/v1/status")
        self.assertEqual(status, 200)
        self.assertLess(time.monotonic() - began, seconds)

    def memory_stays_below(self, megabytes):
        self.assertLess(member.megabytes_of(self.fleet.tracker.pid), megabytes)

    def test_strangers_who_hold_connections_displace_no_member_and_no_newcomer(self):
        context, refused = member.stranger(), 0
        for _ in range(1500):
            try:
                each = member.connect(context, self.fleet.port)
                self.open.append(each)
                each.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" if len(self.open) % 2 else b"POST /v1/enrol HTTP/1.1\r\nHost: x\r\n")
            except OSError:
                refused += 1
        held = sum(not self.ended(each) for each in self.open)
        self.assertLessEqual(held, 300, f"{refused} were refused")
        self.asks_in_time(self.source)
        self.fleet.join("newcomer")

    @staticmethod
    def ended(connection):
        connection.settimeout(0.001)
        with contextlib.suppress(TimeoutError):
            try:
                while connection.recv(65536):
                    pass
                return True
            except ConnectionError:
                return True
        return False

    def test_one_member_with_a_thousand_connections_that_does_not_read_costs_little_and_delays_nobody(self):
        source = member.context_of(member.credentials_of(self.source.state))
        release = member.register_large(source, self.fleet.port, self.fleet.path("keys", "publisher.key"), "acme/large", 20)
        hostile = member.context_of(member.credentials_of(self.fleet.join("hostile").state))
        for number in range(1000):
            each = member.connect(hostile, self.fleet.port, receive_buffer=4096)
            self.open.append(each)
            with contextlib.suppress(OSError):
                each.sendall(f"GET /v1/releases/{release}/metainfo HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            if number % 250 == 249:
                self.memory_stays_below(300)
                self.asks_in_time(self.source)
        self.memory_stays_below(300)
        self.asks_in_time(self.source)

    def test_who_is_refused_for_lack_of_room_is_told_when_to_ask_again_and_a_node_does(self):
        source = member.context_of(member.credentials_of(self.source.state))
        release = member.register_large(source, self.fleet.port, self.fleet.path("keys", "publisher.key"), "acme/large", 40)
        greedy = member.context_of(member.credentials_of(self.fleet.join("greedy").state))
        path = f"/v1/releases/{release}/metainfo"
        for _ in range(2):
            each = member.connect(greedy, self.fleet.port, receive_buffer=4096)
            self.open.append(each)
            each.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            self.assertEqual(each.recv(12), b"HTTP/1.1 200")
        status, headers, body = member.ask(greedy, self.fleet.port, "GET", path)
        self.assertEqual((status, json.loads(body)["error"]["code"]), (503, "unreachable"))
        self.assertGreaterEqual(int(headers["Retry-After"]), 1)
        self.assertEqual(len(member.ask(source, self.fleet.port, "GET", path)[2]), 40 * 1000 * 1000)
        for each in self.open:
            each.close()
        self.until("there is room again", lambda: member.ask(greedy, self.fleet.port, "GET", path)[0] == 200)

    def test_guesses_of_tokens_from_an_address_do_not_keep_a_good_token_out(self):
        good = self.fleet.token()
        body = json.dumps({"token_id": "AAAAAAAAAAAAAA", "token_secret": "A" * 43, "request_pem": "x", "name": "", "site": ""})
        answers = [member.ask(member.stranger(), self.fleet.port, "POST", "/v1/enrol", body)[0] for _ in range(40)]
        self.assertEqual((answers[0], answers[-1]), (404, 429))
        with open(self.fleet.tracker.log_path, encoding="utf-8") as log:
            self.assertLessEqual(log.read().count("enrolment_refused"), 20)
        self.fleet.join("newcomer", token=good)


if __name__ == "__main__":
    unittest.main()
