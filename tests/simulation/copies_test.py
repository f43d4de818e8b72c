"""What the source sends and how long the last node takes, in fleets that no lab holds."""
import json
import os
import subprocess
import unittest


def simulate(**options):
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return json.loads(subprocess.run([os.environ["SIMULATE"], *words], check=True, capture_output=True, timeout=500).stdout)


class Copies(unittest.TestCase):
    def assert_bounded(self, copies, last, seeds=(1, 2), **options):
        for seed in seeds:
            with self.subTest(seed=seed, **options):
                found = simulate(seed=seed, **options)
                self.assertLessEqual(found["source_copies"], copies)
                self.assertLessEqual(found["last_over_ideal"], last)

    def test_a_dozen_nodes(self):
        self.assert_bounded(1.02, 1.03, nodes=12, pieces=1000)

    def test_a_hundred_nodes(self):
        self.assert_bounded(1.02, 1.08, nodes=100, pieces=1000)

    def test_a_thousand_nodes(self):
        self.assert_bounded(1.02, 1.10, nodes=1000, pieces=1000)

    @unittest.skipUnless(os.environ.get("LARGE"), "slow: simulation.ten_thousand runs it, with the label nightly")
    def test_ten_thousand_nodes(self):
        """With the pieces that a checkpoint of half a gigabyte has; larger ones have more, and end sooner."""
        self.assert_bounded(1.02, 1.10, seeds=(1,), nodes=10000, pieces=2000)

    def test_an_ordinary_bound_is_not_met_by_accident(self):
        """With links to two peers only, the source has to help."""
        self.assertGreater(simulate(nodes=100, pieces=500, degree=2, least=0)["source_copies"], 1.10)


if __name__ == "__main__":
    unittest.main(verbosity=2)
