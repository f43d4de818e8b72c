"""Formats that execute code when they are loaded come to a node only where publisher and node both allow them."""
import os
import pickle
import unittest
import zipfile

from cases import FleetCase, make_model


class Payload:
    def __reduce__(self):
        return (os.system, ("true",))


class CodeFormats(FleetCase):
    def setUp(self):
        super().setUp()
        self.machine = self.fleet.join("node")

    def publish(self, name, write, *extra):
        directory = make_model(self.fleet.path("model"), 4)
        write(os.path.join(directory, name))
        return self.fleet.publish(self.source, directory, "acme/model", "1.0", *extra, check=False)

    def pull(self, *extra):
        pull = self.fleet.pull(self.machine, "acme/model", *extra)
        code = pull.wait(300)
        return code, " ".join(event["message"] for event in pull.events if event.get("type") == "error")

    @staticmethod
    def pickled(path):
        with open(path, "wb") as file:
            pickle.dump(Payload(), file)

    @staticmethod
    def zipped(path):
        """As torch.save writes it, with what matters at the end, where only the directory of the archive tells."""
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data/0", os.urandom(300_000))
            archive.writestr("archive/data.pkl", pickle.dumps({"a": 1}))

    def refused(self, name, write):
        self.assertEqual(self.publish(name, write).code, 0)
        self.fleet.start_seeder(self.source)
        code, message = self.pull()
        self.assertEqual(code, 11, message)
        self.assertIn(name, message)
        self.assertIn("--allow-code-formats", message)
        for directory in ("releases", "models", "incoming"):
            at = os.path.join(self.machine.state, directory)
            self.assertEqual(os.listdir(at) if os.path.exists(at) else [], [], directory)

    def test_a_pickle_by_name_is_refused_before_the_first_byte(self):
        self.refused("pytorch_model.bin", lambda path: open(path, "wb").close())

    def test_a_pickle_under_a_harmless_name_is_refused_before_it_is_visible(self):
        self.refused("tokenizer.dat", self.pickled)

    def test_a_pickle_in_an_archive_under_a_harmless_name_is_refused(self):
        self.refused("weights.bin", self.zipped)

    def test_publish_says_which_files_nodes_will_refuse(self):
        done = self.publish("model.ckpt", self.pickled)
        self.assertEqual(done.code, 0)
        refused = next(event for event in done.events if event["type"] == "published")["code_files"]
        self.assertEqual([each.split(":")[0] for each in refused], ["model.ckpt"])

    def test_it_comes_where_both_allow_it_and_nowhere_else(self):
        self.assertEqual(self.publish("model.pt", self.pickled, "--allow-code-formats").code, 0)
        self.fleet.start_seeder(self.source)
        code, message = self.pull()
        self.assertEqual(code, 11, message)
        self.assertIn("this machine must allow it", message)
        self.assertEqual(self.pull("--allow-code-formats"), (0, ""))
        # Not again without it, although it is here already.
        self.assertEqual(self.pull()[0], 11)

    def test_the_node_alone_cannot_allow_it(self):
        self.assertEqual(self.publish("model.pt", self.pickled).code, 0)
        self.fleet.start_seeder(self.source)
        code, message = self.pull("--allow-code-formats")
        self.assertEqual(code, 11, message)
        self.assertIn("the publisher must publish it", message)


if __name__ == "__main__":
    unittest.main()
