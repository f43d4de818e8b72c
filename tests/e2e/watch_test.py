"""`shoal seed --watch`: training jobs write to a file server, and the fleet has each version once, whole."""
import json
import os
import pathlib
import shutil
import signal
import struct
import tempfile
import threading
import unittest

import bad_nas
import cases


def shard(seed, size):
    """A safetensors file with one tensor of `size` bytes."""
    header = json.dumps({f"w{seed}": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    return struct.pack("<Q", len(header)) + header + (seed.to_bytes(2, "little") * (size // 2 + 1))[:size]


def put(directory, name, data):
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, name), "wb") as file:
        file.write(data)


class Writer(threading.Thread):
    """Lays a sharded checkpoint down in small steps; goes on with each step when `step` is set, to its end when `free` is."""

    def __init__(self, directory, shards=3, size=300_000, steps=4):
        super().__init__(daemon=True)
        self.directory, self.shards, self.size, self.steps = directory, shards, size, steps
        self.pace = threading.Event()
        self.start()

    def run(self):
        put(self.directory, "config.json", b"{}")
        names = {}
        for number in range(1, self.shards + 1):
            name = f"model-{number:05}-of-{self.shards:05}.safetensors"
            names[f"w{number}"] = name
            data = shard(number, self.size)
            with open(os.path.join(self.directory, name), "wb") as file:
                for part in range(self.steps):
                    begin = len(data) * part // self.steps
                    file.write(data[begin:len(data) * (part + 1) // self.steps])
                    file.flush()
                    self.pace.wait(0.25)
        put(self.directory, "model.safetensors.index.json", json.dumps({"weight_map": names}).encode())


class Watch(cases.FleetCase):
    def setUp(self):
        super().setUp()
        self.nas = self.fleet.path("nas")
        os.makedirs(self.nas)
        shutil.copy(self.fleet.path("keys", "publisher.key"), os.path.join(self.source.state, "publisher.key"))

    def watch(self, *extra, environment=None, channel="main", pattern="{org}/{name}/{version}", settings=""):
        words = ["seed", "--state", self.source.state, "--listen", "127.0.0.1:0", "--watch", f"{self.nas}/{pattern}{settings}",
                 "--watch-poll", "200ms", "--watch-channel", channel]
        return self.fleet.start("seed", *words, *extra, environment=environment)

    def directory(self, version, model="acme/model"):
        return os.path.join(self.nas, model, version)

    def versions(self):
        done = self.fleet.run("channel", "history", "acme/model:main", "--state", self.source.state, check=False)
        return [row["version"] for row in done.events if row["type"] == "history"] if done.code == 0 else []

    def published(self, seeder, version, deadline=60):
        return seeder.wait_event("published", deadline, lambda event: event["version"] == version)

    def count(self, seeder, kind):
        return sum(1 for event in list(seeder.events) if event.get("type") == kind)

    def assert_served(self, version, directory):
        node = self.fleet.join(f"node-{version.replace('+', '-')}")
        out = self.fleet.path("out-" + version)
        pull = self.fleet.pull(node, f"acme/model@{version}", to=out)
        self.assertEqual(pull.wait(60), 0)
        self.assert_same(directory, out)

    def test_a_checkpoint_that_is_written_slowly_reaches_a_follower_once_and_whole(self):
        seeder = self.watch()
        member = self.fleet.join("node")
        node = self.fleet.start_node(member, "--follow", "acme/model")
        writer = Writer(self.directory("1.0"))
        event = self.published(seeder, "1.0")
        self.assertFalse(writer.is_alive(), "it was published before the last byte was written")
        self.assertEqual((event["files"], event["channel"], event["already"]), (5, "main", False))
        node.wait_event("activated", 60, lambda event: event["version"] == "1.0")
        self.assert_same(self.directory("1.0"), os.path.join(member.state, "models", "acme", "model", "main"))
        second = Writer(self.directory("2.0"), shards=2)
        self.published(seeder, "2.0")
        self.assertFalse(second.is_alive())
        node.wait_event("activated", 60, lambda event: event["version"] == "2.0")
        self.assertEqual(seeder.stop(), 0)
        again = self.watch()
        again.wait_event("seeding", 30, lambda event: event["releases"] == 2)
        put(self.directory("3.0"), "model.safetensors", shard(9, 1000))
        self.published(again, "3.0")
        self.assertEqual(self.count(again, "published"), 1, "what was published before is not published again")
        self.assertEqual(self.versions(), ["3.0", "2.0", "1.0"])

    def test_a_crash_between_publication_and_record_publishes_nothing_twice(self):
        put(self.directory("1.0"), "model.safetensors", shard(1, 100_000))
        seeder = self.watch(environment={"SHOAL_FAILPOINT": "watch.published"})
        self.assertEqual(seeder.wait(60), -signal.SIGKILL)
        again = self.watch()
        self.assertTrue(self.published(again, "1.0")["already"])
        self.assertEqual(self.versions(), ["1.0"])
        self.assert_served("1.0", self.directory("1.0"))

    def test_a_seeder_that_is_killed_in_the_middle_of_hashing_goes_on_where_it_stopped(self):
        size = 8_000_000
        writer = Writer(self.directory("1.0"), size=size, steps=1)
        writer.pace.set()
        writer.join(60)
        seeder = self.watch("--hash-rate", "3MB")

        def hashed():
            count = 0
            for path in pathlib.Path(self.source.state, "hashing").glob("*"):
                count += path.read_bytes().count(b'"path":"model-0')
            return count
        self.until("two shards are hashed", lambda: hashed() >= 2, 60)
        seeder.send(signal.SIGKILL)
        seeder.wait(30)
        self.assertEqual(self.versions(), [])
        again = self.watch()
        self.published(again, "1.0")
        with open(f"/proc/{again.pid}/io", encoding="ascii") as counters:
            read = int(counters.readline().split()[1])
        self.assertLess(read, 2 * size, "two of three shards are not read again")
        self.assert_served("1.0", self.directory("1.0"))

    def test_a_seeder_that_lost_its_records_moves_no_channel_back(self):
        put(self.directory("1.0"), "model.safetensors", shard(1, 1000))
        seeder = self.watch()
        self.published(seeder, "1.0")
        put(self.directory("2.0"), "model.safetensors", shard(2, 1000))
        self.published(seeder, "2.0")
        seeder.stop()
        shutil.rmtree(os.path.join(self.source.state, "watch"))
        seeder = self.watch()
        self.assertIsNone(self.published(seeder, "1.0")["channel"])
        self.published(seeder, "2.0")
        self.assertEqual(self.versions(), ["2.0", "1.0"])

    def test_a_marker_and_a_settling_time_say_when_a_directory_is_complete(self):
        seeder = self.watch("--watch", f"{self.nas}-runs/step-{{version}} model=acme/model complete=settled:1s channel=none", settings=" complete=marker:DONE")
        put(self.directory("1.0"), "weights.bin", b"x" * 1000)
        put(self.nas + "-runs/step-7", "weights.bin", b"y" * 1000)
        self.assertIsNone(self.published(seeder, "7")["channel"])
        self.assertEqual(self.count(seeder, "published"), 1)
        put(self.directory("1.0"), "DONE", b"")
        self.assertEqual(self.published(seeder, "1.0")["files"], 2)

    def test_what_changes_after_it_was_published_is_said_and_becomes_a_new_version(self):
        put(self.directory("1.0"), "model.safetensors", shard(1, 50_000))
        seeder = self.watch("--watch-on-change", "republish")
        self.published(seeder, "1.0")
        put(self.directory("1.0"), "model.safetensors", shard(2, 50_000))
        self.assertEqual(seeder.wait_event("changed")["action"], "republish")
        self.assertFalse(self.published(seeder, "1.0+1")["already"])
        self.assert_served("1.0+1", self.directory("1.0"))
        self.assertEqual(self.versions(), ["1.0+1", "1.0"])

    def test_what_changes_is_withdrawn_or_only_said_by_rule(self):
        put(self.directory("1.0"), "model.safetensors", shard(1, 50_000))
        seeder = self.watch("--watch-on-change", "withdraw", channel="none")
        self.published(seeder, "1.0")
        put(self.directory("1.0"), "extra.json", b"{}")
        self.assertEqual(seeder.wait_event("changed")["action"], "withdraw")
        node = self.fleet.join("node")
        pull = self.fleet.pull(node, "acme/model@1.0")
        self.assertEqual(pull.wait(30), 10)
        self.assertIn("withdrawn", pull.last("error")["message"])

    def test_a_mount_that_vanishes_is_said_others_go_on_and_it_recovers_alone(self):
        other = self.fleet.path("other")
        os.makedirs(other)
        put(self.directory("1.0"), "model.safetensors", shard(1, 1000))
        seeder = self.watch("--watch", f"{other}/{{version}} model=acme/other")
        self.published(seeder, "1.0")
        os.rename(self.nas, self.nas + ".away")
        self.assertIn("cannot be read", seeder.wait_event("root_lost")["reason"])
        put(os.path.join(other, "5.0"), "model.safetensors", shard(5, 1000))
        self.published(seeder, "5.0")
        os.makedirs(self.nas)
        seeder.wait_event("root_lost", 30, lambda event: "unmounted" in event["reason"])
        os.rmdir(self.nas)
        os.rename(self.nas + ".away", self.nas)
        seeder.wait_event("root_back")
        put(self.directory("2.0"), "model.safetensors", shard(2, 1000))
        self.published(seeder, "2.0")
        self.assertEqual(self.count(seeder, "published"), 3)

    @unittest.skipUnless(os.path.isdir("/dev/shm"), "no second mount")
    @unittest.skipUnless(bad_nas.compiler(), "no C++ compiler for the file server that hangs")
    def test_a_file_server_that_hangs_is_said_others_go_on_the_seeder_ends_in_time_and_it_recovers_alone(self):
        # Another mount: what is published is looked at by one thread for each.
        nas, other = bad_nas.BadNas(self.nas, self.fleet.directory), tempfile.mkdtemp(dir="/dev/shm")
        self.addCleanup(shutil.rmtree, other)
        put(self.directory("1.0"), "model.safetensors", shard(1, 1000))
        words = ("--watch", f"{other}/{{version}} model=acme/other", "--watch-patience", "1s")
        seeder = self.watch(*words, environment=nas.environment)
        self.published(seeder, "1.0")
        seeder.wait_event("seeding")
        nas.begin("stale")
        seeder.wait_event("root_lost", 30, lambda event: "Stale" in event["reason"])
        nas.end("stale")
        seeder.wait_event("root_back")
        nas.begin("hangs")
        seeder.wait_event("root_lost", 30, lambda event: "answer" in event["reason"])
        put(os.path.join(other, "5.0"), "model.safetensors", shard(5, 1000))
        self.published(seeder, "5.0")
        node = self.fleet.join("node")
        self.assertEqual(self.fleet.pull(node, "acme/other@5.0", to=self.fleet.path("out")).wait(60), 0)
        nas.end("hangs")
        seeder.wait_event("root_back", 30, lambda event: self.count(seeder, "root_back") == 2)
        put(self.directory("2.0"), "model.safetensors", shard(2, 1000))
        self.published(seeder, "2.0")
        nas.begin("hangs")
        seeder.wait_event("root_lost", 30, lambda event: self.count(seeder, "root_lost") == 3)
        self.assertEqual(seeder.stop(), 0)
        self.assertEqual(self.count(seeder, "published"), 3)

    def test_bad_names_links_and_unreadable_files_are_said_once_and_nothing_is_written_below_the_root(self):
        os.makedirs(self.directory("not a version"))
        put(self.directory("loop"), "model.safetensors", shard(1, 1000))
        os.symlink("..", os.path.join(self.directory("loop"), "again"))
        put(self.directory("cut"), "model.safetensors", shard(1, 1000)[:-1])
        put(self.directory("1.0"), "model.safetensors", shard(1, 1000))
        before = sorted(cases.files_below(self.nas))
        for at, _, _ in os.walk(self.nas):
            os.chmod(at, 0o555)
        self.addCleanup(lambda: [os.chmod(at, 0o755) for at, _, _ in os.walk(self.nas)])
        seeder = self.watch()
        self.published(seeder, "1.0")
        seeder.wait_event("not_published", 30, lambda event: "not a version" in event["directory"])
        seeder.wait_event("not_published", 30, lambda event: "symbolic link" in event["reason"])
        self.assertEqual(seeder.stop(), 0)
        self.assertEqual((self.count(seeder, "not_published"), self.count(seeder, "published")), (2, 1))
        self.assertEqual(sorted(cases.files_below(self.nas)), before)


if __name__ == "__main__":
    unittest.main()
