"""Formats that execute code when they are loaded come to a node only where publisher and node both allow them."""
import os
import pickle
import struct
import unittest
import urllib.request
import zipfile

from cases import FleetCase, make_model
from fleet import free_port


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

    @staticmethod
    def array_of_objects(path):
        """As numpy.save writes it, with another spelling of the dtype."""
        header = b"{'descr': '|O8', 'fortran_order': False, 'shape': (1,), }\n"
        with open(path, "wb") as file:
            file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + pickle.dumps([Payload()]))

    @staticmethod
    def program(path):
        with open("/proc/self/exe", "rb") as program, open(path, "wb") as file:
            file.write(program.read(100_000))

    def refused(self, name, write):
        self.assertEqual(self.publish(name, write, "--allow-code-formats").code, 0)
        self.fleet.start_seeder(self.source)
        code, message = self.pull()
        self.assertEqual(code, 11, message)
        self.assertIn(name, message)
        self.assertIn("this machine must allow it with --allow-code-formats", message)
        for directory in ("releases", "models"):
            at = os.path.join(self.machine.state, directory)
            self.assertEqual(os.listdir(at) if os.path.exists(at) else [], [], directory)

    def test_a_pickle_by_name_is_refused_before_the_first_byte(self):
        self.refused("pytorch_model.bin", lambda path: open(path, "wb").close())
        self.assertFalse(os.path.exists(os.path.join(self.machine.state, "incoming")))

    def test_a_pickle_under_a_harmless_name_is_refused_before_it_is_visible(self):
        self.refused("tokenizer.dat", self.pickled)

    def test_a_pickle_in_an_archive_under_a_harmless_name_is_refused(self):
        self.refused("weights.bin", self.zipped)

    def test_an_array_of_objects_is_refused(self):
        self.refused("table.npy", self.array_of_objects)

    def test_a_program_is_refused(self):
        self.refused("tool", self.program)

    def test_publish_refuses_what_nodes_would_refuse(self):
        for name, write in (("model.ckpt", self.pickled), ("model.dat", self.pickled), ("tool", self.program)):
            with self.subTest(name=name):
                done = self.publish(name, write)
                self.assert_refused(done, 2, name, "acme/model@1.0", "--allow-code-formats")
                os.remove(self.fleet.path("model", name))
        self.assert_refused(self.fleet.run("pull", "acme/model", "--state", self.machine.state, check=False), 10)

    def test_publish_says_which_files_need_consent(self):
        done = self.publish("model.ckpt", self.pickled, "--allow-code-formats")
        self.assertEqual(done.code, 0)
        needing = next(event for event in done.events if event["type"] == "published")["code_files"]
        self.assertEqual([each.split(":")[0] for each in needing], ["model.ckpt"])

    def test_it_comes_where_both_allow_it_and_nowhere_else(self):
        self.assertEqual(self.publish("model.pt", self.pickled, "--allow-code-formats").code, 0)
        self.fleet.start_seeder(self.source)
        code, message = self.pull()
        self.assertEqual(code, 11, message)
        self.assertIn("this machine must allow it", message)
        self.assertEqual(self.pull("--allow-code-formats"), (0, ""))
        # Not again without it, although it is here already.
        self.assertEqual(self.pull()[0], 11)

    def sent_by(self, port):
        """Payload that the seeder sent to nodes."""
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
            lines = page.read().decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith('shoal_payload_bytes_total{direction="sent"'))

    def test_a_refusal_is_remembered_and_ends_with_another_consent(self):
        size = 30_000_000
        directory = make_model(self.fleet.path("model"), size // 1_000_000)
        self.pickled(os.path.join(directory, "zz.dat"))
        self.fleet.publish(self.source, directory, "acme/model", "1.0", "--allow-code-formats", channel="main")
        port = free_port()
        self.fleet.start_seeder(self.source, "--metrics", f"127.0.0.1:{port}")
        node = self.fleet.start_node(self.machine, "--follow", "acme/model:main")
        self.assertIn("zz.dat: it is a Python pickle", node.wait_event("failed", 60)["reason"])
        sent = self.sent_by(port)
        self.until("tried again, twice", lambda: sum(event["type"] == "failed" for event in list(node.events)) >= 3, 60)
        self.assertEqual(self.sent_by(port), sent, "not a byte was fetched again")
        status = self.fleet.run("status", "--state", self.machine.state, check=False)
        row = next(event for event in status.events if event["type"] == "node")["subscriptions"][0]
        self.assertIn("zz.dat", row["reason"])
        node.stop()
        # A pull is refused without a byte, too; and a restart changes nothing.
        code, message = self.pull()
        self.assertEqual(code, 11, message)
        self.assertEqual(self.sent_by(port), sent)
        node = self.fleet.start_node(self.machine, "--follow", "acme/model:main", "--allow-code-formats")
        fetched = node.wait_event("fetched", 60)
        self.assertEqual(fetched["bytes_from_source"], 0, "what was fetched before is kept")
        node.wait_event("activated", 30)

    def test_what_a_model_repository_commonly_holds_needs_no_consent(self):
        files = {"README.md": "# Mod\u00e8le\n", ".gitattributes": "*.safetensors filter=lfs\n", "tokenizer.json": '{"model": {"vocab": {"a": 0}}}',
                 "vocab.txt": "[PAD]\nI\nc\nat\n", "merges.txt": "#version: 0.2\nt h\n", "chat_template.jinja": "{{ bos_token }}",
                 "config.yaml": "a: 1\n", "convert.py": "import os\n"}

        def write(path):
            for name, text in files.items():
                with open(os.path.join(os.path.dirname(path), name), "w", encoding="utf-8") as file:
                    file.write(text)
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("a.npy", b"\x93NUMPY\x01\x00\x3b\x00" + b"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }".ljust(58) + b"\n" + bytes(8))
        self.assertEqual(self.publish("voices.npz", write).code, 0)
        self.fleet.start_seeder(self.source)
        self.assertEqual(self.pull(), (0, ""))


if __name__ == "__main__":
    unittest.main()
