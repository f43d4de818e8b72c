"""The benchmark of the fan-out at its smallest: it runs, every node gets the right bytes, and it says what it promises. No times.

Skipped (exit code 77) where network namespaces cannot be made.
"""
import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from fleet import default_binary  # noqa: E402

BENCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench", "fanout")
NUMBERS = ("first_over_ideal", "median_over_ideal", "p90_over_ideal", "last_over_ideal", "source_copies", "source_payload_copies",
           "received_over_size", "first_data_seconds", "tail_seconds", "cpu_busy")
SKIP = 77


def fan_out(*more):
    command = [sys.executable, BENCH, "--shoal", default_binary(), "--nodes", "3", "--rate-mbit", "40", "--size-mb", "4", "--json", *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=800, check=False)


class FanOut(unittest.TestCase):
    def check(self, found):
        self.assertTrue(found["complete"] and found["verified"])
        for name in NUMBERS:
            self.assertIsInstance(found[name], (int, float), name)
        self.assertGreaterEqual(found["source_payload_copies"], 0.9, "the source's interface carried what the nodes received")
        self.assertGreaterEqual(found["received_over_size"], 1.0, "every node's interface carried the content")

    def test_every_node_completes_and_the_figures_are_there(self):
        done = fan_out("--systems", "shoal")
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(done.stdout.splitlines()[-1])
        self.assertEqual((result["type"], result["nodes"], result["size_bytes"]), ("fanout", 3, 4000000))
        self.check(result["systems"]["shoal"])

    def test_bytes_between_sites_are_counted_on_the_link_between_them(self):
        done = fan_out("--systems", "shoal", "--case", "sites")
        self.assertEqual(done.returncode, 0, done.stderr)
        found = json.loads(done.stdout.splitlines()[-1])["systems"]["shoal"]
        self.check(found)
        self.assertGreaterEqual(found["between_sites_copies"], 1.0, "the far site got its copy across the link")


if __name__ == "__main__":
    probe = subprocess.run([sys.executable, BENCH, "--shoal", default_binary(), "--probe"], capture_output=True, text=True, check=False)
    if probe.returncode == SKIP:
        print(probe.stderr.strip())
        sys.exit(SKIP)
    unittest.main()
