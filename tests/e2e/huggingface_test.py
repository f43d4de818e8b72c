"""Other people's software reads our files: the Hub's own package reads the cache, sigstore's own packages verify model.sig.

The packages are pinned in tests/npm. Skipped (exit code 77) where there is no node, or where npm cannot fetch them.
"""
import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from cases import FleetCase, files_below, make_model

SKIP = 77
HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = os.path.join(HERE, "..", "npm")
# Packages stay there from one run to the next.
PACKAGES = os.environ.get("SHOAL_NPM") or os.path.join(tempfile.gettempdir(), f"shoal-npm-{os.getuid()}")


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def install():
    """Packages and scripts in one directory; the reason where that does not work."""
    if not shutil.which("node") or not shutil.which("npm"):
        return "there is no node or no npm: scripts/install-deps.sh --tests installs them"
    os.makedirs(PACKAGES, exist_ok=True)
    lock, stamp = os.path.join(SOURCES, "package-lock.json"), os.path.join(PACKAGES, "installed")
    for name in os.listdir(SOURCES):
        shutil.copy(os.path.join(SOURCES, name), PACKAGES)
    if os.path.exists(stamp) and open(stamp, encoding="utf-8").read() == digest(lock):
        return None
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries", "1", "--fetch-timeout", "20000"]
    done = subprocess.run(command, cwd=PACKAGES, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        return f"npm cannot fetch the packages: {done.stderr.strip()[-400:]}"
    with open(stamp, "w", encoding="utf-8") as file:
        file.write(digest(lock))
    return None


def node(script, *words):
    return subprocess.run(["node", os.path.join(PACKAGES, script), *words], capture_output=True, text=True, timeout=60, check=False)


class ForeignCase(FleetCase):
    def setUp(self):
        super().setUp()
        self.cache = self.fleet.path("hub")
        self.machine = self.fleet.join("node")

    def pulled(self, reference, *extra):
        pull = self.fleet.pull(self.machine, reference, *extra)
        report = pull.complete()
        self.assertEqual(pull.wait(), 0)
        return report


class HuggingFaceCache(ForeignCase):
    def read(self, revision, *paths, model="acme/model"):
        done = node("read_cache.mjs", self.cache, model, revision, *paths)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_the_hubs_own_package_finds_and_reads_every_file_without_a_network(self):
        original = self.published(4)
        self.fleet.start_seeder(self.source)
        report = self.pulled("acme/model", "--hf-cache", self.cache)
        seen = self.read("main", *files_below(original))
        self.assertEqual(seen["warnings"], [])
        self.assertEqual(seen["commit"], report["release"][:40])
        self.assertEqual(seen["files"], {name: digest(os.path.join(original, name)) for name in files_below(original)})
        self.assertEqual([repo["id"] for repo in seen["repos"]], [{"name": "acme/model", "type": "model"}])

    def test_the_files_are_those_of_the_release_and_not_copies(self):
        original = self.published(4)
        self.fleet.start_seeder(self.source)
        report = self.pulled("acme/model", "--hf-cache", self.cache)
        snapshot = os.path.join(self.cache, "models--acme--model", "snapshots", report["release"][:40])
        for name in files_below(original):
            self.assertTrue(os.path.samefile(os.path.join(snapshot, name), os.path.join(report["path"], name)), name)

    def test_two_versions_are_two_revisions_and_the_channel_is_at_the_newer(self):
        self.published(4, "1.0", seed=1)
        self.fleet.start_seeder(self.source)
        first = self.pulled("acme/model@1.0", "--hf-cache", self.cache)
        newer = make_model(self.fleet.path("model-2.0"), 4, seed=1)
        with open(os.path.join(newer, "config.json"), "w", encoding="utf-8") as file:
            file.write('{"version": 2}')
        self.fleet.publish(self.source, newer, "acme/model", "2.0")
        second = self.pulled("acme/model", "--hf-cache", self.cache)
        seen = self.read("main", "config.json")
        self.assertEqual(seen["warnings"], [])
        self.assertEqual(seen["commit"], second["release"][:40])
        self.assertEqual(seen["files"]["config.json"], digest(os.path.join(newer, "config.json")))
        self.assertEqual(self.read("1.0", "config.json")["commit"], first["release"][:40])
        # A file that both have is there once.
        self.assertEqual(seen["repos"][0]["filesCount"], len(os.listdir(os.path.join(self.cache, "models--acme--model", "blobs"))) - 1)

    def test_pulling_again_changes_nothing(self):
        self.published(4)
        self.fleet.start_seeder(self.source)
        self.pulled("acme/model", "--hf-cache", self.cache)
        before = self.read("main", "config.json")
        self.pulled("acme/model", "--hf-cache", self.cache)
        self.assertEqual(self.read("main", "config.json"), before)

    def test_a_pull_that_is_killed_half_way_leaves_a_cache_that_the_package_reads(self):
        self.published(4)
        self.fleet.start_seeder(self.source)
        for place in ("huggingface.blobs", "huggingface.snapshot"):
            pull = self.fleet.pull(self.machine, "acme/model", "--hf-cache", self.cache, environment={"SHOAL_FAILPOINT": place})
            self.assertEqual(pull.wait(60), -9, place)
            done = node("read_cache.mjs", self.cache, "acme/model", "main")
            self.assertIn("has no revision main", done.stderr)
        self.pulled("acme/model", "--hf-cache", self.cache)
        self.assertEqual(self.read("main", "config.json")["warnings"], [])

    def test_names_that_the_hub_refuses_are_refused_before_the_first_byte(self):
        self.published(4, model="acme/model--1")
        self.fleet.start_seeder(self.source)
        pull = self.fleet.pull(self.machine, "acme/model--1", "--hf-cache", self.cache)
        self.assertEqual(pull.wait(), 2)
        self.assertIn("'--'", pull.last("error")["message"])
        self.assertFalse(os.path.exists(os.path.join(self.machine.state, "releases")))


class ModelSignature(ForeignCase):
    def setUp(self):
        super().setUp()
        self.public_key = self.fleet.path("publisher.pub")
        subprocess.run(["openssl", "pkey", "-in", self.fleet.path("keys", "publisher.key"), "-pubout", "-out", self.public_key], check=True, timeout=30)

    def verify(self, directory, signature=None, key=None):
        return node("verify_model.mjs", signature or os.path.join(directory, "model.sig"), key or self.public_key, directory)

    def edited(self, directory, change):
        """A copy of model.sig with its JSON changed."""
        with open(os.path.join(directory, "model.sig"), encoding="utf-8") as file:
            bundle = json.load(file)
        change(bundle)
        path = self.fleet.path("changed.sig")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(bundle, file)
        return path

    def test_sigstore_accepts_what_a_node_has_and_refuses_a_flipped_bit_anywhere(self):
        original = self.published(4)
        self.fleet.start_seeder(self.source)
        path = self.pulled("acme/model")["path"]
        done = self.verify(path)
        self.assertEqual(done.returncode, 0, done.stderr)
        statement = json.loads(done.stdout)
        self.assertEqual(statement["subject"][0]["name"], "acme/model")
        self.assertEqual([each["name"] for each in statement["predicate"]["resources"]], sorted(files_below(original)))

        def flip_digest(bundle):
            payload = bytearray(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
            at = payload.index(b'"digest":"') + 10
            payload[at] ^= 1
            bundle["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()

        def flip_signature(bundle):
            signature = bytearray(base64.b64decode(bundle["dsseEnvelope"]["signatures"][0]["sig"]))
            signature[-1] ^= 1
            bundle["dsseEnvelope"]["signatures"][0]["sig"] = base64.b64encode(signature).decode()

        for change in (flip_digest, flip_signature):
            done = self.verify(path, self.edited(path, change))
            self.assertEqual(done.returncode, 1)
            self.assertIn("signature verification failed", done.stderr)
        copy = shutil.copytree(path, self.fleet.path("copy"))
        with open(os.path.join(copy, "weights-1.bin"), "r+b") as file:
            file.seek(1_000_000)
            byte = file.read(1)[0]
            file.seek(1_000_000)
            file.write(bytes([byte ^ 1]))
        done = self.verify(copy)
        self.assertEqual(done.returncode, 1)
        self.assertIn("weights-1.bin differs", done.stderr)

    def test_a_key_of_somebody_else_is_refused(self):
        self.published(4)
        self.fleet.start_seeder(self.source)
        path = self.pulled("acme/model")["path"]
        other, key = self.fleet.path("other.pub"), self.fleet.path("other.key")
        subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key], check=True, timeout=30)
        subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", other], check=True, timeout=30)
        self.assertIn("key not found", self.verify(path, key=other).stderr)

    def test_a_directory_of_the_users_gets_it_too(self):
        self.published(4)
        self.fleet.start_seeder(self.source)
        target = self.fleet.path("target")
        self.assertEqual(self.fleet.pull(self.machine, "acme/model", to=target).wait(300), 0)
        self.assertEqual(self.verify(target).returncode, 0)

    def test_publishing_the_same_again_keeps_the_release_and_its_signature(self):
        directory = self.published(4)
        again = self.fleet.publish(self.source, directory, "acme/model", "1.0")
        self.assertTrue(again["already"])
        self.fleet.start_seeder(self.source)
        report = self.pulled("acme/model")
        self.assertEqual(report["release"], again["release"])
        self.assertEqual(self.verify(report["path"]).returncode, 0)

    def test_a_source_with_a_signature_of_its_own_keeps_it(self):
        directory = make_model(self.fleet.path("own"), 4)
        with open(os.path.join(directory, "model.sig"), "w", encoding="utf-8") as file:
            file.write("by somebody else")
        self.fleet.publish(self.source, directory, "acme/own", "1")
        self.fleet.start_seeder(self.source)
        path = self.pulled("acme/own")["path"]
        with open(os.path.join(path, "model.sig"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "by somebody else")

    def test_without_a_signature_nothing_is_added(self):
        directory = make_model(self.fleet.path("bare"), 4)
        self.fleet.publish(self.source, directory, "acme/bare", "1", "--no-model-signature")
        self.fleet.start_seeder(self.source)
        self.assertEqual(files_below(self.pulled("acme/bare")["path"]), files_below(directory))

    def test_verify_finds_a_damaged_signature_and_repair_makes_it_anew(self):
        self.published(4)
        self.fleet.start_seeder(self.source)
        path = self.pulled("acme/model")["path"]
        with open(os.path.join(path, "model.sig"), "w", encoding="utf-8") as file:
            file.write("{}")
        done = self.fleet.verify(self.machine, "acme/model", check=False)
        self.assertEqual(done.code, 11)
        problems = next(event for event in done.events if event["type"] == "verified")["problems"]
        self.assertEqual([problem["path"] for problem in problems], ["model.sig"])
        self.fleet.verify(self.machine, "acme/model", "--repair", "--listen", "127.0.0.1:0")
        self.fleet.verify(self.machine, "acme/model")
        self.assertEqual(self.verify(path).returncode, 0)


class Gateway(ForeignCase):
    """The Hub's own package asks a node that has nothing yet."""

    def test_the_package_lists_downloads_and_caches_a_model_while_it_arrives(self):
        directory = self.published(8)
        self.fleet.start_seeder(self.source)
        running = self.fleet.start_node(self.machine, "--gateway", "127.0.0.1:0", "--download-limit", "8MB")
        done = node("read_gateway.mjs", running.wait_event("running")["gateway"], "acme/model", "main", self.cache)
        self.assertEqual(done.returncode, 0, done.stderr)
        seen = json.loads(done.stdout.splitlines()[-1])  # the package prints lines of its own before it
        expected = {name: digest(os.path.join(directory, name)) for name in files_below(directory)}
        self.assertEqual(seen["files"], expected)
        self.assertEqual(seen["cached"], {name: value for name, value in expected.items() if os.path.getsize(os.path.join(directory, name))})
        self.assertEqual(seen["listed"], {name: os.path.getsize(os.path.join(directory, name)) for name in expected})
        with open(os.path.join(directory, seen["largest"]), "rb") as file:
            self.assertEqual(bytes.fromhex(seen["range"]), file.read(8)[5:])
        self.assertRegex(seen["info"]["sha"], "^[0-9a-f]{40}$")
        self.assertEqual((seen["info"]["name"], seen["missing"]), ("acme/model", False))


if __name__ == "__main__":
    reason = install()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(SKIP)
    unittest.main()
