"""A key that was copied from a machine, a seeder that takes other people's releases away."""
import json
import os
import shutil
import subprocess
import unittest

import cases
import member_http as member


class StolenKey(cases.FleetCase):
    def renew(self, credentials, name):
        """As the holder of these credentials: a new key and certificate, as a file like credentials.pem; or the refusal."""
        key = self.fleet.path(name + ".key")
        made = ("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/", "-keyout", key)
        request = subprocess.run(made, capture_output=True, text=True, check=True, timeout=30).stdout
        status, _, body = member.ask(member.context_of(credentials), self.fleet.port, "POST", "/v1/renew", json.dumps({"request_pem": request}))
        if status != 200:
            return status, json.loads(body)["error"]["message"]
        path = self.fleet.path(name + ".pem")
        with open(key, encoding="ascii") as file, open(path, "w", encoding="ascii") as out:
            out.write(file.read() + json.loads(body)["certificate_pem"] + member.blocks(credentials)[2])
        return status, path

    def listed(self, name):
        return next(row for row in self.fleet.run("nodes", "list", "--state", self.source.state).events if row["name"] == name)

    def test_a_thief_who_renews_is_noticed_when_the_machine_renews_and_both_are_refused(self):
        victim = self.fleet.join("victim")
        own = member.credentials_of(victim.state)
        stolen = shutil.copy(own, self.fleet.path("stolen.pem"))
        for number in range(3):
            status, stolen = self.renew(stolen, f"thief{number}")
            self.assertEqual(status, 200, stolen)
        status, why = self.renew(own, "own")
        self.assertEqual(status, 403, why)
        self.assertIn("two hold the key", why)
        for credentials in (stolen, own):
            status, _, body = member.ask(member.context_of(credentials), self.fleet.port, "GET", "/v1/status")
            self.assertEqual(status, 403, body)
        self.until("it is shown", lambda: self.listed("victim").get("held_twice"))
        with open(self.fleet.tracker.log_path, encoding="utf-8") as log:
            self.assertIn("machine_key_held_twice", log.read())
        self.fleet.tracker.stop()
        self.fleet.start_tracker()
        self.assertEqual(self.renew(stolen, "later")[0], 403)
        self.fleet.run("join", self.fleet.token(), "--state", victim.state, "--name", "victim-again", "--replace")
        self.assertEqual(member.ask(member.context_of(own), self.fleet.port, "GET", "/v1/status")[0], 200)

    def test_a_node_that_renews_often_is_never_taken_for_two(self):
        self.fleet.tracker.stop()
        self.fleet.start_tracker("--certificate-life", "20s", "--announce-interval", "1s")
        node = self.fleet.join("often")
        running = self.fleet.start_node(node)
        before = os.stat(member.credentials_of(node.state)).st_mtime
        for _ in range(2):
            self.until("it renews", lambda: os.stat(member.credentials_of(node.state)).st_mtime > before)
            before = os.stat(member.credentials_of(node.state)).st_mtime
            self.fleet.run("status", "--state", node.state)
        self.assertTrue(running.running)
        self.assertNotIn("held_twice", self.listed("often"))

    def test_a_seeder_without_the_publishers_key_withdraws_nothing(self):
        self.fleet.publish(self.source, cases.make_model(self.fleet.path("model"), 1), "acme/model", "1.0", "--no-channel")
        other = member.context_of(member.credentials_of(self.fleet.join("other", role="seeder").state))
        path = "/v1/models/acme/model/versions/1.0"
        self.assertEqual(member.ask(other, self.fleet.port, "DELETE", path, json.dumps({"reason": "evil"}))[0], 422)
        self.assertEqual(member.ask(other, self.fleet.port, "GET", path)[0], 200)


if __name__ == "__main__":
    unittest.main()
