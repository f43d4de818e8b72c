"""The content of a release: no leftovers of tools, no half of a model, no pointers, no other content for a version; links of a snapshot."""
import hashlib
import json
import os
import random
import unittest

import cases
from weights import content


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())


def weights(seed, size=600_000):
    return content("w.safetensors", size, random.Random(seed))


class Sources(cases.FleetCase):
    def setUp(self):
        super().setUp()
        self.source_directory = self.fleet.path("m")
        write(self.at("w.safetensors"), weights(1))

    def at(self, *parts):
        return os.path.join(self.source_directory, *parts)

    def publish(self, *extra, version="1", check=True, directory=None):
        return self.fleet.publish(self.source, directory or self.source_directory, "acme/m", version, *extra, check=check)

    def pulled(self):
        self.fleet.start_seeder(self.source)
        return self.fleet.pull(self.fleet.join("node"), "acme/m").complete()["path"]

    def test_leftovers_of_tools_stay_behind_and_are_named(self):
        write(self.at(".git", "lfs", "objects", "aa"), weights(2))
        write(self.at(".cache", "huggingface", "download", "w2.bin.0f0f.incomplete"), os.urandom(1000))
        write(self.at(".nfs0000000000000001"), "x")
        write(self.at("logs", "run.log"), "x")
        write(self.at("keep.tmp"), "x")
        write(self.at("old.tmp"), "x")
        write(self.at(".shoalignore"), "# of this directory\n*.tmp\n!keep.tmp\n")
        published = self.publish("--exclude", "logs/")
        self.assertEqual(published["left_out"], [".cache/", ".git/", ".nfs0000000000000001", "logs/", "old.tmp"])
        self.assertEqual([name for name in cases.files_below(self.pulled()) if name != "model.sig"], ["keep.tmp", "w.safetensors"])

    def test_a_snapshot_of_a_hugging_face_cache_is_published_without_a_copy(self):
        cache = self.fleet.path("hub", "models--acme--m")
        snapshot = os.path.join(cache, "snapshots", "0123")
        files = {"w.safetensors": weights(3), "deep/config.json": b'{"a": 1}'}
        for name, data in files.items():
            blob = hashlib.sha256(data).hexdigest()
            write(os.path.join(cache, "blobs", blob), data)
            os.makedirs(os.path.dirname(os.path.join(snapshot, name)), exist_ok=True)
            os.symlink(os.path.join("../" * (2 + name.count("/")) + "blobs", blob), os.path.join(snapshot, name))
        self.publish(directory=snapshot)
        copy = self.pulled()
        for name, data in files.items():
            with open(os.path.join(copy, name), "rb") as file:
                self.assertEqual(file.read(), data)
        write(self.fleet.path("secret"), "x")
        os.symlink(self.fleet.path("secret"), os.path.join(snapshot, "other.json"))
        self.assert_refused(self.publish(version="2", directory=snapshot, check=False), 2, "other.json is a symbolic link")

    def test_pointers_in_place_of_content_are_refused_with_the_command_that_fetches(self):
        pointers = {"lfs.safetensors": ("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 10\n", "git lfs pull"),
                    "annex.gguf": ("/annex/objects/SHA256E-s10--00.gguf\n", "git annex get"),
                    "data.json.dvc": ("outs:\n- path: data.json\n", "dvc pull")}
        for name, (text, advice) in pointers.items():
            with self.subTest(name=name):
                write(self.at(name), text)
                self.assert_refused(self.publish(check=False), 2, name, advice, "--exclude")
                self.publish("--exclude", name, version="v-" + name[:3])
                os.remove(self.at(name))

    def test_a_model_of_which_a_part_is_missing_is_refused(self):
        index = json.dumps({"weight_map": {"x": "w.safetensors", "y": "z.safetensors"}})
        for name, data, missing in (("a-00001-of-00002.safetensors", weights(4), "a-00002-of-00002.safetensors"),
                                    ("model.safetensors.index.fp16.json", index, "z.safetensors"),
                                    ("b-00002-of-00002.txt", "x", "b-00001-of-00002.txt")):
            with self.subTest(name=name):
                write(self.at(name), data)
                self.assert_refused(self.publish(check=False), 2, missing, "missing")
                os.remove(self.at(name))

    def test_a_version_that_exists_with_other_content_is_refused_before_it_is_hashed(self):
        self.publish()
        self.assertTrue(self.publish()["already"])
        write(self.at("w.safetensors"), weights(5))  # as large as before
        done = self.publish(check=False)
        self.assert_refused(done, 1, "acme/m@1 is registered already with other content", "w.safetensors", "publish under a new version")
        self.assertEqual([event for event in done.events if event["type"] == "progress"], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
