"""A join that cannot end well does not begin: the token is good afterwards, the fleet has no ghost, and nothing is left behind."""
import fcntl
import os
import select
import signal
import socket
import subprocess
import threading
import unittest

import cases
import fleet as fleets

NOBODY = 65534


class Join(cases.FleetCase):
    def setUp(self):
        super().setUp()
        self.token = self.fleet.token()
        os.chmod(self.fleet.directory, 0o755)
        self.place = self.fleet.path("place")
        os.mkdir(self.place, 0o755)
        self.state = os.path.join(self.place, "state")

    def join(self, check=False, command=(), **more):
        words = [*command, self.fleet.shoal, "join", self.token, "--state", self.state, "--name", "late", "--json"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, env=fleets.clean_environment(), check=False, **more)
        if check:
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done

    def ghosts(self):
        rows = self.fleet.run("nodes", "list", "--state", self.source.state).events
        return [row for row in rows if row.get("name") == "late"]

    def assert_harmless(self, done, *words, code=1):
        """It failed for this reason, before the tracker heard of it; once the reason is gone the same token is good."""
        said = done.stdout + done.stderr
        self.assertEqual(done.returncode, code, said)
        for word in words:
            self.assertIn(word, said)
        self.assertEqual(self.ghosts(), [])

    def as_nobody(self, **more):
        return self.join(command=("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"), **more)

    def test_a_directory_of_somebody_else(self):
        if os.geteuid() != 0:
            self.skipTest("only root can become somebody else")
        for make in (lambda: None,  # the parent is not writable
                     lambda: os.makedirs(self.state, 0o755), lambda: os.chmod(self.state, 0o750),
                     lambda: (os.chmod(self.state, 0o777), os.mkdir(os.path.join(self.state, "identity"), 0o755)),
                     lambda: (os.chmod(os.path.join(self.state, "identity"), 0o777),
                              cases.write(os.path.join(self.state, "identity", "fleet.json"), 10, 1)),
                     lambda: (os.remove(os.path.join(self.state, "identity", "fleet.json")), os.remove(os.path.join(self.state, "lock")),
                              cases.write(os.path.join(self.state, "lock"), 0, 1))):
            make()
            self.assert_harmless(self.as_nobody(), "sudo -u root", "nobody", "not used")
        self.join(check=True)
        self.assertEqual(len(self.ghosts()), 1)

    def test_root_in_the_directory_of_a_service_leaves_it_to_the_service(self):
        if os.geteuid() != 0:
            self.skipTest("only root can become somebody else")
        os.mkdir(self.state, 0o700)
        os.chown(self.state, NOBODY, NOBODY)
        self.join(check=True)
        for name in ("lock", "identity", "identity/credentials.pem", "identity/trust-root.json", "identity/fleet.json"):
            self.assertEqual(os.stat(os.path.join(self.state, name)).st_uid, NOBODY, name)
        self.assertEqual(sorted(os.listdir(os.path.join(self.state, "identity"))), ["credentials.pem", "fleet.json", "trust-root.json"])

    def joined(self, *words, **more):
        self.fleet.run("join", *words, "--state", self.state, "--name", "late", **more)
        self.assertEqual(len(self.ghosts()), 1)

    def test_a_token_comes_in_a_file(self):
        path = os.path.join(self.place, "token")
        with open(path, "w", encoding="ascii") as file:
            file.write(self.token + "\n")
        refused = self.fleet.run("join", self.token, "--token-file", path, "--state", self.state, check=False)
        self.assertEqual(refused.code, 2)
        self.joined("--token-file", path)

    def test_a_token_comes_on_standard_input_and_is_in_no_list_of_processes(self):
        words = [self.fleet.shoal, "join", "-", "--state", self.state, "--name", "late", "--json"]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=fleets.clean_environment(), text=True) as process:
            with open(f"/proc/{process.pid}/cmdline", encoding="utf-8") as file:
                self.assertNotIn("shoal1.", file.read())
            process.communicate(self.token + "\n", timeout=60)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(len(self.ghosts()), 1)

    def test_a_join_without_a_token_says_how_to_give_one(self):
        done = self.fleet.run("join", "--state", self.state, check=False)
        self.assertEqual(done.code, 2)
        self.assertIn("--token-file", " ".join(event.get("message", "") for event in done.events) + done.errors)

    def test_a_machine_is_called_like_its_host_and_a_bad_name_does_not_use_the_token(self):
        bad = self.fleet.run("join", self.token, "--state", self.state, "--name", "gpu 4", check=False)
        self.assert_refused(bad, 2, "--name", "without spaces")
        joined = self.fleet.run("join", self.token, "--state", self.state).events[-1]
        host = "".join(c for c in socket.gethostname().split(".")[0][:64] if c.isascii() and c.isprintable() and c != " ")
        self.assertEqual(joined["name"], host)
        names = [row["name"] for row in self.fleet.run("nodes", "list", "--state", self.source.state).events]
        self.assertIn(host, names)

    def on_tracker(self, *words, **more):
        return self.fleet.run(*words, "--state", self.fleet.path("tracker"), **more)

    def test_a_token_that_was_taken_back_lets_nobody_in(self):
        listed = self.on_tracker("token", "list").events
        self.assertEqual([row["uses_left"] for row in listed], [1])
        revoked = self.on_tracker("token", "revoke", listed[0]["id"][:8]).events[-1]
        self.assertEqual(revoked["id"], listed[0]["id"])
        self.assertEqual(self.on_tracker("token", "list").events, [])
        self.assertEqual(self.join().returncode, 10)
        self.assertEqual(self.ghosts(), [])
        self.assertEqual(self.on_tracker("token", "revoke", listed[0]["id"], check=False).code, 10)

    def test_a_machine_is_renamed_while_the_tracker_runs(self):
        self.join(check=True)
        self.on_tracker("nodes", "rename", "late", "early")
        names = [row["name"] for row in self.fleet.run("nodes", "list", "--state", self.source.state).events]
        self.assertIn("early", names)
        self.assertNotIn("late", names)
        taken = self.on_tracker("nodes", "rename", self.source.name, "early", check=False)
        self.assertEqual(taken.code, 1)
        self.assertEqual(self.on_tracker("nodes", "rename", "ghost", "spirit", check=False).code, 10)

    def test_something_in_the_way(self):
        cases.write(self.state, 10, 1)
        self.assert_harmless(self.join(), self.state)
        os.remove(self.state)
        os.makedirs(os.path.join(self.state, "identity", "credentials.pem"))
        self.assert_harmless(self.join(), "credentials.pem", "not a file")
        os.rmdir(os.path.join(self.state, "identity", "credentials.pem"))
        self.join(check=True)

    def test_another_process_has_the_directory(self):
        os.mkdir(self.state)
        with open(os.path.join(self.state, "lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.assert_harmless(self.join(), "in use", "not used")
        self.join(check=True)

    def test_a_full_disk_and_one_that_is_read_only(self):
        if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode != 0:
            self.skipTest("no mount namespace can be made")
        os.mkdir(self.state)
        full = f"mount -t tmpfs -o size=64k tmpfs {self.state}"
        read_only = f"mount -t tmpfs -o ro tmpfs {self.state}"
        for mount, word, code in ((full, "No space", 14), (read_only, "Read-only", 1)):
            command = ("unshare", "-m", "sh", "-c", f'{mount} && exec "$@"', "sh")
            self.assert_harmless(self.join(command=command), word, code=code)
        self.join(check=True)

    def test_an_answer_that_was_lost_is_given_again_to_the_same_command(self):
        """The connection is cut when the tracker has answered: the effect of a power cut at the machine, or of a bad line."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            cut = threading.Thread(target=self.swallow_answers, args=(server,), daemon=True)
            cut.start()
            mangled = self.through(server.getsockname()[1])
            first = self.fleet.run("join", mangled, "--state", self.state, "--name", "late", check=False)
            self.assertEqual(first.code, 13, first.errors)
            cut.join(10)
        self.assertEqual(len(self.ghosts()), 1)
        self.join(check=True)
        self.assertEqual(len(self.ghosts()), 1)

    def through(self, port):
        """The same token with another way to the tracker. Its checksum follows the fields (docs/formats.md)."""
        import base64
        import hashlib
        fields = self.token.split(".")
        fields[1] = base64.urlsafe_b64encode(f"127.0.0.1:{port}".encode()).decode().rstrip("=")
        text = ".".join(fields[:-1])
        return text + "." + base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:4]).decode().rstrip("=")

    def swallow_answers(self, server):
        """Passes connections on until the machine is enrolled, and cuts the one whose answer says so."""
        while not self.ghosts():
            client, _ = server.accept()
            with client, socket.create_connection(("127.0.0.1", self.fleet.port)) as tracker:
                self.pass_on(client, tracker)

    def pass_on(self, client, tracker):
        while True:
            for source in select.select([client, tracker], [], [])[0]:
                data = source.recv(65536)
                if not data or (source is tracker and self.ghosts()):
                    return
                (tracker if source is client else client).sendall(data)


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    unittest.main()
