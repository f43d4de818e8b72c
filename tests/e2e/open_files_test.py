"""The number of open files follows the limit of the process, not its contents: many files, many releases, deep trees."""
import os
import unittest

from cases import FleetCase, write

FEW = 256  # descriptors: fewer than the files of the release below
OWN = 36  # what a process has open without a model: 28 for a node that follows nothing, and a few for what lasts a moment


def descriptors(process):
    return len(os.listdir(f"/proc/{process.pid}/fd"))


class OpenFiles(FleetCase):
    def test_a_release_of_many_files_in_deep_directories_comes_where_few_may_be_open(self):
        directory = self.fleet.path("model")
        for number in range(600):
            write(os.path.join(directory, f"part{number % 7}", f"{number}.bin"), 70_000 if number % 50 == 0 else 900, number)
        write(os.path.join(directory, *["d"] * 400, "deepest"), 100, 1)
        self.fleet.shoal = self.limited_binary()
        self.fleet.publish(self.source, directory, "acme/model", "1.0")
        self.fleet.start_seeder(self.source)
        node = self.fleet.join("node")
        pull = self.fleet.pull(node, "acme/model")
        complete = pull.complete()
        self.assertEqual(pull.wait(), 0)
        self.assert_same(directory, complete["path"])

    def limited_binary(self, limit=FEW):
        """The binary behind a limit, soft and hard, that it cannot raise."""
        path = self.fleet.path("limited-shoal")
        with open(path, "w", encoding="utf-8") as script:
            script.write(f'#!/bin/sh\nulimit -n {limit} || exit 1\nexec "{self.fleet.shoal}" "$@"\n')
        os.chmod(path, 0o755)
        return path

    def test_each_followed_model_takes_few_descriptors_on_the_node_and_the_seeder(self):
        models = 40
        names = [f"acme/adapter{number}" for number in range(models)]
        for number, name in enumerate(names):
            write(self.fleet.path(f"model{number}", "weights.bin"), 100_000, number)
            self.fleet.publish(self.source, self.fleet.path(f"model{number}"), name, "1.0")
        seeder = self.fleet.start_seeder(self.source)
        member = self.fleet.join("node")
        # Where few may be open, they come one after the other.
        self.fleet.shoal = self.limited_binary(160)
        node = self.fleet.start_node(member, *[word for name in names for word in ("--follow", name)])
        for name in names:
            node.wait_event("activated", 120, lambda event, name=name: event["model"] == name)
        # One for the directory of each. Short-lived ones, such as links between machines that are complete now, close by themselves.
        self.until("few descriptors", lambda: descriptors(node) <= OWN + models, 30)
        self.until("few descriptors of the seeder", lambda: descriptors(seeder) <= OWN + models, 30)


if __name__ == "__main__":
    unittest.main(verbosity=2)
