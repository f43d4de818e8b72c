"""A node fetches formats that execute code when they are loaded only if both publisher and node allow them."""
import contextlib
import os
import pickle
import struct
import unittest
import urllib.request
import zipfile

from cases import FleetCase, files_below, make_model
from fleet import free_port
from hostile_peer import HostilePeer, piece_length_of

# Deciding pieces of five files and what may come beside them before the verdict.
COST_OF_A_REFUSAL = 2_000_000


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

    def published_with(self, name, write, size):
        """`size` bytes of weights, and one file behind them that nodes refuse."""
        directory = make_model(self.fleet.path("model"), size // 1_000_000)
        write(os.path.join(directory, name))
        self.fleet.publish(self.source, directory, "acme/model", "1.0", "--allow-code-formats", channel="main")
        return directory

    def test_a_refusal_costs_little_is_remembered_and_ends_with_another_consent(self):
        size = 30_000_000
        self.published_with("zz.dat", self.pickled, size)
        port = free_port()
        self.fleet.start_seeder(self.source, "--metrics", f"127.0.0.1:{port}")
        node = self.fleet.start_node(self.machine, "--follow", "acme/model:main")
        self.assertIn("zz.dat: it is a Python pickle", node.wait_event("failed", 60)["reason"])
        sent = self.sent_by(port)
        print(f"refused at {sent / 1e6:.2f} MB", flush=True)
        self.assertLess(sent, COST_OF_A_REFUSAL, "the pieces that decide came first, and little else")
        self.until("tried again, twice", lambda: sum(event["type"] == "failed" for event in list(node.events)) >= 3, 60)
        self.assertEqual(self.sent_by(port), sent, "not a byte was fetched again")
        status = self.fleet.run("status", "--state", self.machine.state, check=False)
        row = next(event for event in status.events if event["type"] == "node")["subscriptions"][0]
        self.assertIn("zz.dat", row["reason"])
        node.stop()
        # A pull is also refused, without a byte; and a restart changes nothing.
        code, message = self.pull()
        self.assertEqual(code, 11, message)
        self.assertEqual(self.sent_by(port), sent)
        node = self.fleet.start_node(self.machine, "--follow", "acme/model:main", "--allow-code-formats")
        fetched = node.wait_event("fetched", 60)
        self.assertLess(fetched["bytes_from_source"], fetched["bytes"], "what was fetched before is kept")
        node.wait_event("activated", 30)

    def cost_of_a_refusal(self, *seeder):
        port = free_port()
        self.fleet.start_seeder(self.source, "--metrics", f"127.0.0.1:{port}", *seeder)
        code, message = self.pull()
        self.assertEqual(code, 11, message)
        sent = self.sent_by(port)
        print(f"refused at {sent / 1e6:.2f} MB", flush=True)
        return message, sent

    def test_a_refusal_costs_little_where_the_seeder_directs_nobody(self):
        self.published_with("zz.dat", self.pickled, 60_000_000)
        message, sent = self.cost_of_a_refusal("--directed", "no")
        self.assertIn("zz.dat: it is a Python pickle", message)
        self.assertLess(sent, COST_OF_A_REFUSAL)
        # The rest comes with consent, and nothing comes twice.
        pull = self.fleet.pull(self.machine, "acme/model", "--allow-code-formats")
        done = pull.complete()
        self.assertLess(done["bytes_from_source"], done["bytes"])

    def test_only_the_directory_of_an_archive_tells_and_a_refusal_costs_little(self):
        self.published_with("weights-3.bin", self.zipped, 30_000_000)
        message, sent = self.cost_of_a_refusal()
        self.assertIn("weights-3.bin", message)
        self.assertLess(sent, COST_OF_A_REFUSAL)

    def test_binary_data_of_an_unknown_format_is_refused_at_little_cost(self):
        def noise(path):
            with open(path, "wb") as file:
                file.write(b"\x80\xff" + os.urandom(3_000_000))
        self.published_with("table.dat", noise, 30_000_000)
        message, sent = self.cost_of_a_refusal("--directed", "no")
        self.assertIn("table.dat", message)
        self.assertLess(sent, COST_OF_A_REFUSAL)

    def test_a_peer_that_directs_nobody_and_is_directed_by_nobody_costs_little(self):
        """A BitTorrent client like any: it shows all that it has, takes all requests, and knows nothing of deciding pieces."""
        directory = self.fleet.path("model")
        make_model(directory, 30)
        self.pickled(os.path.join(directory, "zz.dat"))
        content = self.fleet.publish(self.source, directory, "acme/model", "1.0", "--allow-code-formats", channel="main")["info_hash"]
        data = b""
        for name in files_below(directory):  # in the order of the release, each from the beginning of a piece
            with open(os.path.join(directory, name), "rb") as file:
                data += b"\0" * (-len(data) % piece_length_of(30_000_000)) + file.read()
        peer = self.fleet.join("peer")
        sent = [0]

        def answer(piece, start, block):
            sent[0] += len(block)
            return block

        def linked(node):
            with contextlib.suppress(OSError, EOFError):  # the node takes links once it has begun to fetch
                return HostilePeer(peer, node.wait_event("running")["listen"], content)

        def serve(node):
            link = self.until("the node takes the link", lambda: linked(node))
            self.addCleanup(link.close)
            link.serve(data, answer)

        node = self.fleet.start_node(self.machine, "--follow", "acme/model:main")
        serve(node)
        self.assertIn("zz.dat: it is a Python pickle", node.wait_event("failed", 60)["reason"])
        print(f"refused at {sent[0] / 1e6:.2f} MB", flush=True)
        self.assertLess(sent[0], COST_OF_A_REFUSAL)
        refused_at = sent[0]
        node.stop()
        node = self.fleet.start_node(self.machine, "--follow", "acme/model:main", "--allow-code-formats")
        serve(node)
        node.wait_event("activated", 60)
        self.assertLess(sent[0], len(data) + refused_at // 2, "what was fetched before is kept")

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
