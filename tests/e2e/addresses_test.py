"""Machines listen at the addresses that others get for them: IPv4 and IPv6, IPv6 alone, a balancer before the tracker, a tracker that moves."""
import os
import random
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cases  # noqa: E402
import machines  # noqa: E402
from fleet import default_binary  # noqa: E402
from weights import content  # noqa: E402

SHOAL = os.path.abspath(default_binary())
# A layer-4 balancer with one target.
PROXY = """
import asyncio, sys
async def pipe(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
async def serve(reader, writer):
    there = await asyncio.open_connection(sys.argv[1], 7443)
    await asyncio.gather(pipe(reader, there[1]), pipe(there[0], writer))
async def main():
    server = await asyncio.start_server(serve, "0.0.0.0", 7443)
    print("ready", flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


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

    def seed(self, control, source, *options):
        self.join(control, source, "seeder")
        model = os.path.join(source.files, "mnt", "m")
        os.makedirs(model)
        with open(os.path.join(model, "w.safetensors"), "wb") as file:
            file.write(content("w.safetensors", 1_000_000, random.Random(1)))
        with open(os.path.join(control.files, "root", "keys", "publisher.key"), encoding="ascii") as key:
            source.write("/root/publisher.key", key.read())
        source.run(SHOAL, "publish", "/mnt/m", "--model", "acme/m", "--version", "1", "--key", "/root/publisher.key")
        seeder = source.start(SHOAL, "seed", *options)
        seeder.wait_for("seeding")
        return seeder

    def pull(self, node, *options):
        node.run(SHOAL, "pull", "acme/m", *options)
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

    def behind_a_balancer(self):
        balancer, control, source, node = self.place("balancer", "control", "source", "node")
        self.start_tracker(control, f"https://{balancer.address}:7443")
        proxy = balancer.start("python3", "-c", PROXY, control.address)
        proxy.wait_for("ready")
        return control, source, node

    def test_behind_a_balancer_machines_name_their_own_address(self):
        control, source, node = self.behind_a_balancer()
        self.seed(control, source, "--advertise", source.address)
        self.join(control, node, "node")
        self.pull(node, "--advertise", f"{node.address}:7000")
        wrong = node.run(SHOAL, "pull", "acme/m", "--advertise", "node.example", check=False)
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("'node.example' is no IP address", wrong.stdout)

    def test_behind_a_balancer_a_pull_says_that_its_peers_cannot_be_reached(self):
        control, source, node = self.behind_a_balancer()
        self.seed(control, source)
        self.join(control, node, "node")
        pull = node.start(SHOAL, "pull", "acme/m")
        pull.wait_for(f"the peers cannot be reached (the tracker names 1, at {self.machines['balancer'].address}:7000)", 25)

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
    machines.enter_or_skip()
    cases.main_side_by_side(3)
