"""Bad input: a message that names the thing, the exit code, and nothing left behind."""
import base64
import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
import unittest

from cases import FleetCase, make_model


class Refusals(FleetCase):
    def publish_refused(self, directory, code, *words, model="acme/model", version="1.0", extra=()):
        done = self.fleet.publish(self.source, directory, model, version, *extra, check=False)
        message = self.assert_refused(done, code, *words)
        versions = self.fleet.run("pull", f"{model}@{version}", "--state", self.node().state, "--listen", "127.0.0.1:0", check=False)
        self.assertIn(versions.code, (2, 10), "nothing was registered")
        return message

    def node(self):
        return self.fleet.members.get("node") or self.fleet.join("node")

    def directory(self, name="src"):
        path = self.fleet.path(name)
        os.makedirs(path, exist_ok=True)
        return path

    def file(self, *parts, content=b"x"):
        path = os.path.join(self.directory(), *parts)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
        return path

    # --- what is published ---

    def test_an_empty_directory(self):
        self.publish_refused(self.directory(), 2, "src")

    def test_a_directory_that_does_not_exist(self):
        self.publish_refused(self.fleet.path("nowhere"), 2, "nowhere")

    def test_a_symbolic_link_in_the_source(self):
        self.file("good.bin")
        os.symlink("/etc/hostname", self.fleet.path("src", "sly.bin"))
        self.publish_refused(self.directory(), 2, "sly.bin")

    def test_a_named_pipe_in_the_source(self):
        self.file("good.bin")
        os.mkfifo(self.fleet.path("src", "pipe"))
        self.publish_refused(self.directory(), 2, "pipe")

    def test_names_that_no_release_may_hold(self):
        for name in ("new\nline", "back\\slash", "bell\a"):
            with self.subTest(name=name):
                self.file(name)
                self.publish_refused(self.directory(), 2, "rename")
                shutil.rmtree(self.directory())

    def test_names_that_differ_in_case_alone(self):
        self.file("Model.bin")
        self.file("model.bin")
        self.publish_refused(self.directory(), 2, "case")

    def test_a_model_name_that_is_not_org_name(self):
        self.file("w.bin")
        for name in ("llama", "a/b/c", "../x", "acme/", "acme/ll ama"):
            with self.subTest(name=name):
                done = self.fleet.publish(self.source, self.directory(), name, "1", check=False)
                self.assert_refused(done, 2, "org/name")

    def test_a_version_published_twice_with_other_content(self):
        self.file("w.bin", content=b"one")
        self.fleet.publish(self.source, self.directory(), "acme/model", "1.0")
        self.fleet.publish(self.source, self.directory(), "acme/model", "1.0")  # the same again is fine
        self.file("w.bin", content=b"two")
        done = self.fleet.publish(self.source, self.directory(), "acme/model", "1.0", check=False)
        self.assert_refused(done, 1, "acme/model", "1.0")

    def test_a_key_that_the_trust_root_does_not_name(self):
        self.file("w.bin")
        key = self.fleet.path("other.key")
        subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key], check=True, capture_output=True)
        done = self.fleet.run("publish", self.directory(), "--state", self.source.state, "--model", "acme/model", "--version", "1", "--key", key,
                              check=False)
        self.assert_refused(done, 11, "acme/model")

    def test_a_key_file_that_is_none(self):
        self.file("w.bin")
        done = self.fleet.run("publish", self.directory(), "--state", self.source.state, "--model", "acme/model", "--version", "1", "--key",
                              self.file("w.bin"), check=False)
        self.assert_refused(done, 2, "w.bin")

    def test_a_node_may_not_publish(self):
        self.file("w.bin")
        done = self.fleet.publish(self.node(), self.directory(), "acme/model", "1", check=False)
        self.assert_refused(done, 12, "publish")

    def test_empty_files_are_content_like_any_other(self):
        self.file("a.txt", content=b"")
        self.file("b.txt", content=b"b")
        self.fleet.publish(self.source, self.directory(), "acme/model", "1.0")
        self.fleet.start_seeder(self.source)
        self.assert_same(self.directory(), self.fleet.pull(self.node(), "acme/model").complete()["path"])

    # --- joining ---

    def join_refused(self, token, code, *words):
        state = self.fleet.path("joiner")
        done = self.fleet.run("join", token, "--state", state, check=False)
        self.assert_refused(done, code, *words)
        self.assertFalse(os.path.exists(os.path.join(state, "identity", "fleet.json")), "nothing was enrolled")

    def test_a_token_is_good_for_one_machine(self):
        token = self.fleet.token()
        self.fleet.join("first", token=token)
        self.join_refused(token, 12, "token")

    def test_a_token_expires(self):
        token = self.fleet.token("node", "--ttl", "1s")
        time.sleep(2.1)  # the tracker's clock is the wall's; nothing else makes a second pass
        self.join_refused(token, 12, "token")

    def test_a_mangled_token(self):
        token = self.fleet.token()
        self.join_refused(token[:-1] + ("A" if token[-1] != "A" else "B"), 2, "mangled")
        self.join_refused(token[: len(token) // 2], 2, "mangled")
        self.join_refused("hello", 2, "token")

    def test_a_token_of_another_fleet_at_this_address_sends_no_secret(self):
        fields = self.fleet.token().split(".")
        fields[2] = base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("=")
        body = ".".join(fields[:-1])
        checksum = base64.urlsafe_b64encode(hashlib.sha256(body.encode()).digest()[:4]).decode().rstrip("=")
        self.join_refused(f"{body}.{checksum}", 13, "certificate was refused")

    def test_a_trust_root_from_elsewhere_must_match(self):
        done = self.fleet.run("join", self.fleet.token(), "--state", self.fleet.path("joiner"), "--trust-root", "ab" * 32, check=False)
        self.assert_refused(done, 11, "fingerprint")

    def test_a_machine_joins_once(self):
        node = self.node()
        done = self.fleet.run("join", self.fleet.token(), "--state", node.state, check=False)
        self.assert_refused(done, 1, "already")

    # --- pulling ---

    def test_what_the_fleet_does_not_have(self):
        node = self.node()
        self.assert_refused(self.fleet.run("pull", "acme/none", "--state", node.state, check=False), 10, "acme/none")
        make_model(self.directory(), 1)
        self.fleet.publish(self.source, self.directory(), "acme/model", "1.0", "--no-channel")
        self.assert_refused(self.fleet.run("pull", "acme/model@9", "--state", node.state, check=False), 10, "1.0")
        self.assert_refused(self.fleet.run("pull", "acme/model", "--state", node.state, check=False), 10, "main", "acme/model@1.0")

    def test_a_machine_that_never_joined(self):
        for words in (("pull", "acme/model"), ("status",), ("seed",), ("publish", self.directory(), "--model", "a/b", "--version", "1")):
            with self.subTest(words=words):
                done = self.fleet.run(*words, "--state", self.fleet.path("stranger"), check=False)
                self.assert_refused(done, 12, "join")
        self.assertFalse(os.path.exists(self.fleet.path("stranger")))

    def test_the_tracker_is_down_at_each_step(self):
        node, token = self.node(), self.fleet.token()
        self.file("w.bin")
        self.fleet.tracker.stop()
        for words in (("pull", "acme/model", "--state", node.state), ("join", token, "--state", self.fleet.path("joiner")),
                      ("channel", "list", "acme/model", "--state", node.state), ("status", "--state", node.state),
                      ("publish", self.directory(), "--state", self.source.state, "--model", "acme/model", "--version", "1", "--key",
                       self.fleet.path("keys", "publisher.key"))):
            with self.subTest(command=words[0]):
                self.assert_refused(self.fleet.run(*words, check=False), 13, f"127.0.0.1:{self.fleet.port}")
        self.assertFalse(os.path.exists(self.fleet.path("joiner")))

    def test_a_target_that_is_not_empty(self):
        make_model(self.directory(), 1)
        self.fleet.publish(self.source, self.directory(), "acme/model", "1.0")
        taken = self.directory("taken")
        with open(os.path.join(taken, "mine.txt"), "w", encoding="utf-8") as file:
            file.write("precious")
        done = self.fleet.run("pull", "acme/model", "--state", self.node().state, "--to", taken, check=False)
        self.assert_refused(done, 2, "taken")
        self.assertEqual(os.listdir(taken), ["mine.txt"])

    def test_a_port_that_is_in_use(self):
        make_model(self.directory(), 1)
        self.fleet.publish(self.source, self.directory(), "acme/model", "1.0")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            self.assert_refused(self.fleet.run("pull", "acme/model", "--state", self.node().state, "--listen", address, check=False), 1, address)
            self.assert_refused(self.fleet.run("seed", "--state", self.source.state, "--listen", address, check=False), 1, address)

    def test_two_processes_on_one_state_directory(self):
        self.file("w.bin")
        self.fleet.publish(self.source, self.directory(), "acme/model", "1.0")
        self.fleet.start_seeder(self.source)
        done = self.fleet.run("seed", "--state", self.source.state, "--listen", "127.0.0.1:0", check=False)
        self.assert_refused(done, 1, "in use")

    def test_a_disk_without_room(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to mount a small tmpfs")
        make_model(self.directory(), 8)
        self.fleet.publish(self.source, self.directory(), "acme/model", "1.0")
        self.fleet.start_seeder(self.source)
        small = self.directory("small")
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", small], capture_output=True, text=True, check=False)
        if mounted.returncode != 0:
            self.skipTest(f"cannot mount a tmpfs: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", small], check=False)
        target = os.path.join(small, "model")
        done = self.fleet.run("pull", "acme/model", "--state", self.node().state, "--listen", "127.0.0.1:0", "--to", target, check=False)
        self.assert_refused(done, 14, "free")
        self.assertEqual(os.listdir(small), [])

    def test_wrong_usage_is_taught(self):
        for words, hint in ((("pul",), "pull"), (("pull",), "REF"), (("pull", "a/b", "--stat", "x"), "--state"), (("token", "create", "--state", "x", "--role", "king"), "king"),
                            (("pull", "a/b", "--state", "x", "--seed-for", "soon"), "soon"), (("pull", "a/b", "--state", "x", "--listen", "nowhere"), "nowhere")):
            with self.subTest(words=words):
                self.assert_refused(self.fleet.run(*words, check=False), 2, hint)

    # --- where it is put ---

    @unittest.skipUnless(os.geteuid() == 0, "mounting needs root")
    def test_without_procfs_a_pull_refuses_instead_of_showing_an_empty_directory(self):
        self.published()
        seeder = self.fleet.start_seeder(self.source)
        node = self.node()
        hidden = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh"]
        pull = subprocess.run([*hidden, self.fleet.shoal, "pull", "acme/model@1.0", "--state", node.state, "--listen", "127.0.0.1:0"],
                              capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual(pull.returncode, 1, pull.stderr)
        self.assertIn("procfs", pull.stderr)
        self.assertEqual(os.listdir(os.path.join(node.state, "incoming")), [])
        self.assertFalse(os.path.isdir(os.path.join(node.state, "releases")))
        seeder.stop()

    @unittest.skipUnless(os.geteuid() == 0, "making files of another user needs root")
    def test_a_link_that_waits_where_files_are_collected_is_not_followed(self):
        release = self.fleet.publish(self.source, make_model(self.fleet.path("model"), 2), "acme/model", "1.0")["release"]
        self.fleet.start_seeder(self.source)
        node = self.node()
        # On a file system of its own, so that the files cannot be collected in the state directory.
        with tempfile.TemporaryDirectory(dir="/dev/shm") as shared:
            os.chmod(shared, 0o1777)
            elsewhere = os.path.join(shared, "elsewhere")
            os.mkdir(elsewhere)
            link = os.path.join(shared, ".out.shoal-" + release[:12])
            os.symlink(elsewhere, link)
            os.lchown(link, 65534, 65534)
            pull = self.fleet.pull(node, "acme/model@1.0", to=os.path.join(shared, "out"))
            pull.complete()
            self.assertEqual(pull.wait(), 0)
            self.assertEqual(os.listdir(elsewhere), [])
            self.assertFalse(os.path.islink(os.path.join(shared, "out")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
