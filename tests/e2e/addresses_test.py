"""Machines listen at the addresses that others get for them: IPv4 and IPv6, IPv6 alone, a balancer before the tracker, a tracker that moves."""
import os
import random
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import machines  # noqa: E402
from fleet import default_binary  # noqa: E402
from weights import content  # noqa: E402

SHOAL = os.path.abspath(default_binary())


class Addresses(unittest.TestCase):
    def setUp(self):
        self.directory = self.enterContext(tempfile.TemporaryDirectory(prefix="shoal-addresses-"))
        os.chmod(self.directory, 0o755)

    def place(self, *names, **how):
        self.machines = self.enterContext(machines.Machines(names, self.directory, **how))
        return [self.machines[name] for name in names]

    def token(self, control, role):
        return control.run(SHOAL, "token", "create", "--role", role).stdout.strip().splitlines()[-1]

    def start_tracker(self, control, url, *options):
        control.run(SHOAL, "fleet", "init", "--keys", "/root/keys", "--tracker", url)
        return self.run_tracker(control, *options)

    def run_tracker(self, control, *options):
        tracker = control.start(SHOAL, "tracker", "run", "--announce-interval", "5s", *options)
        tracker.wait_for("ready")
        return tracker

    def join(self, control, machine, role):
        machine.run(SHOAL, "join", "-", stdin=self.token(control, role))

    def seed(self, control, source):
        self.join(control, source, "seeder")
        model = os.path.join(source.files, "mnt", "m")
        os.makedirs(model)
        with open(os.path.join(model, "w.safetensors"), "wb") as file:
            file.write(content("w.safetensors", 1_000_000, random.Random(1)))
        with open(os.path.join(control.files, "root", "keys", "publisher.key"), encoding="ascii") as key:
            source.write("/root/publisher.key", key.read())
        source.run(SHOAL, "publish", "/mnt/m", "--model", "acme/m", "--version", "1", "--key", "/root/publisher.key")
        seeder = source.start(SHOAL, "seed")
        seeder.wait_for("seeding")
        return seeder

    def pull(self, node):
        node.run(SHOAL, "pull", "acme/m")
        self.assertTrue(os.path.islink(os.path.join(node.files, "var/lib/shoal/models/acme/m/main")))

    def test_a_tracker_with_an_ipv6_and_an_ipv4_address(self):
        control, source, node = self.place("control", "source", "node", hosts={"control.example": ["fd99::1", "10.99.0.1"]})
        self.start_tracker(control, "https://control.example:7443")
        self.seed(control, source)
        self.join(control, node, "node")
        self.pull(node)

    def test_members_of_which_one_has_no_ipv6(self):
        """The tracker sees one at its IPv4 address, the other at its IPv6 address."""
        control, source, node = self.place("control", "source", "node", hosts={"control.example": ["fd99::1", "10.99.0.1"]})
        node.run("ip", "addr", "flush", "dev", "eth0", "scope", "global")
        node.run("ip", "addr", "add", f"{node.address}/24", "dev", "eth0")
        node.write("/etc/hosts", "127.0.0.1 localhost\n10.99.0.1 control.example\n")
        source.write("/etc/hosts", "127.0.0.1 localhost\n10.99.0.1 control.example\n")
        self.start_tracker(control, "https://control.example:7443")
        self.seed(control, source)
        self.join(control, node, "node")
        self.pull(node)

    def test_a_network_without_ipv4(self):
        control, source, node = self.place("control", "source", "node", ipv4=False)
        self.start_tracker(control, "https://[fd99::1]:7443")
        self.seed(control, source)
        self.join(control, node, "node")
        self.pull(node)

    def test_a_pull_beside_a_process_that_has_the_default_port(self):
        control, source, node = self.place("control", "source", "node")
        self.start_tracker(control, f"https://{control.address}:7443")
        self.seed(control, source)
        self.join(control, node, "node")
        taken = node.start("python3", "-c", "import socket, time; s = socket.create_server(('::', 7000), family=socket.AF_INET6, "
                           "dualstack_ipv6=True); print('ready', flush=True); time.sleep(300)")
        taken.wait_for("ready")
        self.pull(node)
        service = node.run(SHOAL, "node", "run", check=False)
        self.assertEqual(service.returncode, 1)
        self.assertIn("[::]:7000: the port is in use; choose another one with --listen", service.stdout)

    def test_a_tracker_that_moves(self):
        control, source, node = self.place("control", "source", "node", hosts={"tracker2.example": ["10.99.0.1"]})
        tracker = self.start_tracker(control, f"https://{control.address}:7443")
        seeder = self.seed(control, source)
        self.join(control, node, "node")
        busy = control.run(SHOAL, "tracker", "move", "https://tracker2.example:8443", check=False)
        self.assertIn("stop the tracker first", busy.stdout)
        self.assertEqual(tracker.stop(), 0)
        moved = control.run(SHOAL, "tracker", "move", "https://tracker2.example:8443").stdout
        self.assertIn("shoal join --tracker https://tracker2.example:8443", moved)
        self.run_tracker(control)
        self.assertEqual(node.run(SHOAL, "models", check=False).returncode, 13)
        wrong = node.run(SHOAL, "join", "--tracker", "https://tracker2.example:8444", check=False)
        self.assertEqual(wrong.returncode, 13, wrong.stdout)
        for machine in (source, node):
            self.assertIn("tracker2.example:8443", machine.run(SHOAL, "join", "--tracker", "https://tracker2.example:8443").stdout)
        seeder.stop()
        source.start(SHOAL, "seed").wait_for("seeding")
        self.pull(node)
        node.run(SHOAL, "join", "--replace", "-", stdin=self.token(control, "node"))  # a new token has the new address


if __name__ == "__main__":
    machines.skip_or_enter()
    unittest.main(verbosity=2)
