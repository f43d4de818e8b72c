"""Several seeders serve one release: a second machine finds the same files at home and joins in without publishing."""
import os
import shutil
import signal
import unittest

import cases


class SeveralSeeders(cases.FleetCase):
    def setUp(self):
        super().setUp()
        self.original = self.published()
        self.copy = shutil.copytree(self.original, self.fleet.path("copy"))
        self.second = self.fleet.join("second", role="seeder")

    def join_in(self, *extra):
        return self.fleet.start_seeder(self.second, "--join", f"{self.copy}=acme/model@1.0", *extra)

    def test_a_node_finishes_from_the_second_when_the_first_stops(self):
        first = self.fleet.start_seeder(self.source, "--upload-limit", "4MB")
        second = self.join_in("--upload-limit", "4MB")
        joined = second.wait_event("joined_release")
        self.assertTrue(joined["hashed"])
        node = self.fleet.join("node")
        to = self.fleet.path("out")
        pull = self.fleet.pull(node, "acme/model@1.0", to=to)
        pull.wait_event("progress", where=lambda event: 0 < event["done"] < event["total"] // 2)
        first.stop()
        report = pull.complete()
        self.assertEqual(report["bytes_from_source"] >= report["bytes"], True)
        self.assert_same(self.original, to)
        self.assertEqual(self.fleet.publish(self.source, self.original, "acme/model", "1.0")["already"], True)

    def test_the_second_alone_serves_and_after_a_restart_reads_nothing_again(self):
        self.join_in().wait_event("joined_release")
        self.fleet.running[-1].stop()
        second = self.join_in()
        self.assertEqual(second.last("seeding")["releases"], 1)
        self.assertFalse(second.wait_event("joined_release")["hashed"])
        to = self.fleet.path("out")
        self.fleet.pull(self.fleet.join("node"), "acme/model@1.0", to=to).complete()
        self.assert_same(self.original, to)

    def test_a_file_that_differs_is_named_and_joins_once_it_is_right(self):
        bad = os.path.join(self.copy, "weights-2.bin")
        with open(bad, "r+b") as file:
            file.seek(1000)
            file.write(b"other")
        second = self.join_in()
        refused = second.wait_event("not_joined")
        self.assertIn(bad, refused["reason"])
        self.assertEqual(second.last("seeding")["releases"], 0)
        shutil.copyfile(os.path.join(self.original, "weights-2.bin"), bad)
        second.wait_event("joined_release")

    def test_a_directory_that_is_not_there_yet_holds_up_no_other_and_joins_when_it_comes(self):
        late = self.fleet.path("late")
        second = self.join_in("--join", f"{late}=acme/later@1.0")
        self.assertEqual(second.wait_event("joined_release")["model"], "acme/model")
        self.assertEqual(second.wait_event("not_joined")["model"], "acme/later")
        other = self.fleet.path("other")
        cases.make_model(other, 1)
        self.fleet.publish(self.source, other, "acme/later", "1.0")
        shutil.copytree(other, late)
        second.wait_event("joined_release", where=lambda event: event["model"] == "acme/later")

    def test_sighup_takes_up_another_join_and_watch_and_leaves_what_is_served(self):
        shutil.copy(self.fleet.path("keys", "publisher.key"), os.path.join(self.second.state, "publisher.key"))
        nas, config = self.fleet.path("nas"), self.fleet.path("seeder.toml")
        os.makedirs(nas)

        def write(*lines):
            with open(config, "w", encoding="utf-8") as file:
                file.write("\n".join([f'state = "{self.second.state}"', 'listen = "127.0.0.1:0"', *lines, ""]))

        def lay_down(version, seed):
            cases.make_model(os.path.join(nas, version), 1, seed)
            cases.write(os.path.join(nas, version, "DONE"), 1, 1)

        write()
        manager = {"NOTIFY_SOCKET": self.fleet.path("nobody-listens")}  # without one SIGHUP would end the seeder
        second = self.fleet.start("second", "seed", "--config", config, environment=manager)
        second.wait_event("seeding")
        watch = ["[[watch]]", f'path = "{nas}/{{version}}"', 'model = "acme/watched"', 'complete = "marker:DONE"']
        join = ["[[join]]", f'directory = "{self.copy}"', 'release = "acme/model@1.0"']
        write('watch_poll = "200ms"', *watch, *join)
        second.send(signal.SIGHUP)
        second.wait_event("joined_release")
        lay_down("1.0", 1)
        second.wait_event("published", where=lambda event: event["version"] == "1.0")
        write('watch = ["nonsense"]')
        second.send(signal.SIGHUP)
        self.until("the mistake is said", lambda: "reload_failed" in self.log_of(second))
        lay_down("2.0", 2)
        second.wait_event("published", where=lambda event: event["version"] == "2.0")
        write('scrub_rate = "1MB"')
        second.send(signal.SIGHUP)
        self.until("it was read", lambda: '"option":"--scrub-rate"' in self.log_of(second))
        lay_down("3.0", 3)
        for number, reference in enumerate(("acme/watched@1.0", "acme/model@1.0")):
            self.fleet.pull(self.fleet.join(f"node{number}"), reference, to=self.fleet.path(f"out{number}")).complete()
        self.assertEqual(second.stop(), 0)
        self.assertEqual([event["version"] for event in second.events if event["type"] == "published"], ["1.0", "2.0"])

    @staticmethod
    def log_of(process):
        with open(process.log_path, encoding="utf-8") as file:
            return file.read()


if __name__ == "__main__":
    unittest.main()
