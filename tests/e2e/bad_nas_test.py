"""A seeder whose file server has a bad day: how much is read from it, and what becomes of the fleet when it fails, hangs or goes."""
import os
import shutil
import signal
import tempfile
import unittest

import bad_nas
import cases

SIZE_MB = 24
NODES = 12
TEN_SECONDS = 10.0


@unittest.skipUnless(bad_nas.compiler(), "no C++ compiler for the file server")
class BadDayOfTheNas(cases.FleetCase):
    def setUp(self):
        super().setUp()
        self.nas = bad_nas.BadNas(self.fleet.path("nas"), self.fleet.directory)
        self.model = os.path.join(self.nas.directory, "model")
        cases.make_model(self.model, SIZE_MB)
        self.fleet.publish(self.source, self.model, "acme/model", "1.0")

    def publish_elsewhere(self):
        """A model on another mount, which has no bad day: one thread looks at each mount."""
        if not os.path.isdir("/dev/shm"):
            self.skipTest("no second mount")
        self.other = tempfile.mkdtemp(dir="/dev/shm")
        self.addCleanup(shutil.rmtree, self.other)
        cases.make_model(os.path.join(self.other, "model"), 1, 7)
        self.fleet.publish(self.source, os.path.join(self.other, "model"), "acme/other", "1.0")

    def seed(self, *extra):
        words = ["seed", "--state", self.source.state, "--listen", "127.0.0.1:0", *extra]
        seeder = self.fleet.start("seed", *words, environment=self.nas.environment)
        seeder.wait_event("seeding")
        return seeder

    def pull(self, name, *extra, model="acme/model"):
        return self.fleet.pull(self.fleet.join(name), f"{model}@1.0", *extra, to=self.fleet.path("out-" + name))

    def fetch_some(self, pull):
        pull.wait_event("progress", 60, lambda event: 0 < event["done"] < event["total"] // 2)

    def assert_other_goes_on(self):
        self.pull("elsewhere", model="acme/other").complete()

    def test_twelve_nodes_cost_the_file_server_one_reading(self):
        self.seed()
        pulls = [self.pull(f"node{i}", "--seed-for", "60s") for i in range(NODES)]
        for pull in pulls:
            pull.wait_event("complete", 120)
        self.assertLessEqual(self.nas.bytes_read(), 1.05 * cases.size_below(self.model))
        self.assertGreaterEqual(self.nas.bytes_read(), cases.size_below(self.model))

    def test_errors_of_the_file_server_are_ridden_out_and_other_models_go_on(self):
        self.publish_elsewhere()
        self.seed("--upload-limit", "4MB")
        for trouble in ("broken", "stale"):
            with self.subTest(trouble):
                pull = self.pull(trouble)
                self.fetch_some(pull)
                self.nas.begin(trouble)
                self.pull("elsewhere-" + trouble, model="acme/other").complete()
                self.assertTrue(pull.running)
                self.nas.end(trouble)
                pull.complete()
                self.assert_same(self.model, self.fleet.path("out-" + trouble))

    def test_a_file_server_that_hangs_holds_up_its_own_models_alone_and_not_the_end(self):
        self.publish_elsewhere()
        seeder = self.seed("--upload-limit", "4MB")
        pulls = [self.pull(f"node{i}") for i in range(4)]
        for pull in pulls:
            self.fetch_some(pull)
        self.nas.begin("hangs")
        self.assert_other_goes_on()
        self.assertTrue(all(pull.running for pull in pulls))
        seeder.send(signal.SIGTERM)
        self.assertEqual(seeder.wait(TEN_SECONDS), 0)
        self.nas.end("hangs")
        self.seed()
        for pull in pulls:
            pull.complete()

    def test_a_mount_that_goes_while_twelve_fetch_is_waited_for_when_no_copy_is_out(self):
        seeder = self.seed("--upload-limit", "500kB")
        pulls = [self.pull(f"node{i}", "--seed-for", "60s") for i in range(NODES)]
        for pull in pulls:
            pull.wait_event("progress", 60, lambda event: event["done"] > 0)
        self.nas.begin("gone")
        self.assertLess(self.nas.bytes_read(), cases.size_below(self.model))
        self.until("the log says so", lambda: "No such file" in self.log_of(seeder))
        self.assertTrue(all(pull.running for pull in pulls))
        self.nas.end("gone")
        for pull in pulls:
            pull.wait_event("complete", 240)
        self.assert_same(self.model, self.fleet.path("out-node0"))

    def test_a_mount_that_goes_when_one_copy_is_out_is_not_missed(self):
        self.seed()
        self.pull("first", "--seed-for", "5m").wait_event("complete", 60)
        self.nas.begin("gone")
        pulls = [self.pull(f"node{i}", "--seed-for", "60s") for i in range(NODES - 1)]
        for pull in pulls:
            pull.wait_event("complete", 120)

    def test_a_file_that_cannot_be_read_is_named_and_nothing_is_published(self):
        self.nas.begin("broken")
        words = ["publish", self.model, "--model", "acme/model", "--version", "2.0", "--state", self.source.state, "--key",
                 self.fleet.path("keys", "publisher.key")]
        publish = self.fleet.start("publish", *words, environment=self.nas.environment)
        self.assertNotEqual(publish.wait(60), 0)
        message = publish.last("error")["message"]
        self.assertIn(self.model, message)
        self.assertIn("Input/output error", message)

    @staticmethod
    def log_of(process):
        with open(process.log_path, encoding="utf-8") as file:
            return file.read()


if __name__ == "__main__":
    unittest.main(verbosity=2)
