"""The page of a real fleet: who may look, and in a headless browser what they see.

The browser's part is skipped, with the reason, where there is no chromium or npm cannot fetch tests/page.
"""
import http.client
import json
import os
import stat
import time
import unittest

import browser
from cases import MB, FleetCase, main_side_by_side, make_model
from fleet import free_port


class PageCase(FleetCase):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.fleet.tracker.stop()
        self.fleet.start_tracker("--announce-interval", "2s", "--page", f"127.0.0.1:{self.port}")

    def link(self):
        return self.fleet.page_link()

    def ask(self, method, path, body=None, **headers):
        """(status, headers, body) of one request; headers with _ for -, None leaves one out."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        given = {key.replace("_", "-"): value for key, value in headers.items() if value is not None}
        connection.putrequest(method, path, skip_host="Host" in given)
        if body is not None:
            given.setdefault("Content-Length", str(len(body)))
        for key, value in given.items():
            connection.putheader(key, value)
        connection.endheaders(body.encode() if body is not None else None)
        answer = connection.getresponse()
        found = answer.status, dict(answer.getheaders()), answer.read()
        connection.close()
        return found

    def enter(self, secret, **headers):
        return self.ask("POST", "/session", json.dumps({"link": secret}), Content_Type="application/json", **headers)

    def session(self):
        """The cookie of a new session."""
        status, headers, _ = self.enter(self.link().split("#link=")[1])
        self.assertEqual(status, 204)
        return headers["Set-Cookie"].split(";")[0]

    def events(self, cookie, most=4 * MB, until=b"\n\n"):
        """The first bytes of the stream."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("GET", "/events", headers={"Cookie": cookie})
        answer = connection.getresponse()
        text = b""
        while until not in text and len(text) < most:
            text += answer.read1(65536)
        connection.close()
        return answer, text


class WhoMayLook(PageCase):
    def test_a_link_opens_the_page_once_and_the_cookie_is_kept_from_scripts(self):
        link = self.link()
        self.assertTrue(link.startswith(f"http://127.0.0.1:{self.port}/#link="), link)
        secret = link.split("#link=")[1]
        status, headers, _ = self.enter(secret)
        self.assertEqual(status, 204)
        for word in ("HttpOnly", "SameSite=Strict", "Max-Age=43200"):
            self.assertIn(word, headers["Set-Cookie"])
        self.assertEqual(self.enter(secret)[0], 403)
        self.assertEqual(self.enter("A" * 43)[0], 403)

    def test_the_link_lies_in_files_of_the_owner_alone_and_its_secret_in_none(self):
        secret = self.link().split("#link=")[1]
        for folder, _, names in os.walk(self.fleet.path("tracker", "page")):
            self.assertEqual(stat.S_IMODE(os.stat(folder).st_mode) & 0o077, 0)
            for name in names:
                path = os.path.join(folder, name)
                self.assertEqual(stat.S_IMODE(os.stat(path).st_mode) & 0o077, 0)
                with open(path, encoding="utf-8") as file:
                    self.assertNotIn(secret, file.read() + name)

    def test_without_a_session_nothing_is_told(self):
        for path in ("/events", "/api/machines/" + "a" * 12, "/api/releases/" + "0" * 64, "/session"):
            for cookie in (None, f"shoal_page_{self.port}=" + "A" * 43, "x" * 8000):
                self.assertIn(self.ask("GET", path, Cookie=cookie)[0], (401, 431), path)

    def test_other_sites_and_other_names_get_nothing(self):
        cookie = self.session()
        self.assertEqual(self.ask("GET", "/session", Cookie=cookie)[0], 204)
        for headers in ({"Host": "evil.example"}, {"Host": f"evil.example:{self.port}"}, {"Origin": "http://evil.example"},
                        {"Sec_Fetch_Site": "cross-site"}, {"Origin": "null"}):
            self.assertEqual(self.ask("GET", "/session", Cookie=cookie, **headers)[0], 403, headers)
            self.assertEqual(self.ask("DELETE", "/session", Cookie=cookie, **headers)[0], 403, headers)
        self.assertEqual(self.ask("GET", "/", Host="evil.example")[0], 403)
        self.assertEqual(self.ask("GET", "/session", Cookie=cookie)[0], 204)
        secret = self.link().split("#link=")[1]
        form = self.ask("POST", "/session", json.dumps({"link": secret}), Content_Type="text/plain")  # what a form of another site can send
        self.assertEqual(form[0], 400)

    def test_every_answer_forbids_frames_foreign_scripts_and_guesses(self):
        for path in ("/", "/page.js", "/page.css", "/events", "/nothing"):
            _, headers, _ = self.ask("GET", path)
            self.assertIn("default-src 'none'", headers["Content-Security-Policy"], path)
            self.assertIn("frame-ancestors 'none'", headers["Content-Security-Policy"])
            self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
            self.assertEqual(headers["X-Frame-Options"], "DENY")
        text = self.ask("GET", "/")[2].decode()
        for word in ("http://", "https://", "style=", "onclick", "<script>"):
            self.assertNotIn(word, text)

    def test_paths_lead_nowhere_else(self):
        cookie = self.session()
        for path in ("/../identity/credentials.pem", "/..%2f..%2fetc/passwd", "//etc/passwd", "/page/../index.html", "/api/machines/../../x", "/page.js/",
                     "/api/channels/a/b/c/../../../d"):
            self.assertIn(self.ask("GET", path, Cookie=cookie)[0], (400, 404), path)

    def test_nothing_can_be_changed(self):
        cookie = self.session()
        for method in ("PUT", "PATCH", "POST", "DELETE"):
            for path in ("/events", "/api/machines/" + "a" * 12, "/"):
                self.assertIn(self.ask(method, path, "", Cookie=cookie)[0], (404, 405), (method, path))

    def test_a_reader_that_does_not_read_and_a_crowd_do_not_hold_up_the_tracker(self):
        cookie = self.session()
        crowd = []
        for _ in range(40):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
            connection.request("GET", "/events", headers={"Cookie": cookie})
            crowd.append((connection, connection.getresponse()))
        self.assertEqual([answer.status for _, answer in crowd].count(200), 32)
        self.assertTrue(all(answer.status in (200, 503) for _, answer in crowd))
        self.fleet.join("latecomer")  # the tracker answers as ever
        for connection, answer in crowd:
            answer.close()
            connection.close()
        deadline = time.monotonic() + 20
        while self.events(cookie)[0].status != 200 and time.monotonic() < deadline:
            pass
        self.assertEqual(self.events(cookie)[0].status, 200)

    def test_signing_out_ends_the_session(self):
        cookie = self.session()
        self.assertEqual(self.ask("DELETE", "/session", Cookie=cookie)[0], 204)
        self.assertEqual(self.ask("GET", "/events", Cookie=cookie)[0], 401)

    def test_hostile_names_arrive_as_text(self):
        name = "<img/src=x/onerror=alert(1)>\"'&"
        self.fleet.join("hostile", "node", None, "--site", "</script><script>alert(1)</script>")
        self.fleet.run("nodes", "rename", "hostile", name, "--state", self.fleet.path("tracker"))
        cookie = self.session()
        deadline = time.monotonic() + 20
        names = []
        while name not in names and time.monotonic() < deadline:
            answer, text = self.events(cookie)
            self.assertEqual(answer.getheader("Content-Type"), "text/event-stream")
            head, data = text.split(b"\n", 2)[:2]
            self.assertEqual(head, b"event: picture")
            names = [machine["name"] for machine in json.loads(data.removeprefix(b"data: "))["machines"]]
        self.assertIn(name, names)


class WhereItIs(FleetCase):
    def test_another_address_than_loopback_is_refused_and_says_what_to_do(self):
        self.fleet.tracker.stop()
        done = self.fleet.run("tracker", "run", "--state", self.fleet.path("tracker"), "--listen", f"127.0.0.1:{self.fleet.port}", "--page", "0.0.0.0:7480",
                              check=False)
        self.assertEqual(done.code, 2)
        self.assertIn("ssh -L", json.dumps(done.events))

    def test_without_a_page_the_command_says_what_to_do(self):
        done = self.fleet.run("page", "--state", self.fleet.path("tracker"), check=False)
        self.assertNotEqual(done.code, 0)
        self.assertIn("--page 127.0.0.1:7480", json.dumps(done.events))


class InABrowser(PageCase):
    NODES = 12

    def test_a_person_sees_twelve_nodes_share_a_model(self):
        reason = browser.install()
        if reason:
            self.skipTest(reason)
        self.fleet.publish(self.source, make_model(self.fleet.path("model"), 24), "acme/model", "1.0", channel="main")
        nodes = [self.fleet.join(f"node{number}", "node", None, "--site", ("berlin", "oslo", "porto")[number % 3]) for number in range(1, self.NODES + 1)]
        for node in nodes:
            self.fleet.start_node(node, "--follow", "acme/model:main", "--download-limit", "2MB")
        self.fleet.start_seeder(self.source, "--upload-limit", "4MB")
        check = browser.start("check.mjs", self.link(), "acme/model", str(self.NODES))
        try:
            said, _ = check.communicate(timeout=400)
        finally:
            check.kill()
        self.assertEqual(check.returncode, 0, said)


if __name__ == "__main__":
    main_side_by_side(3)
