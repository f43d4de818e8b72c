"""Machines that have most of a release get the rest no slower from sources that grant than from ordinary seeds."""
import itertools
import json
import os
import subprocess
import unittest

PIECES = 4000
MESSAGES = 4  # units of time: a grant and word of the piece, which is all that few pieces take


def simulate(**options):
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return json.loads(subprocess.run([os.environ["SIMULATE"], *words], check=True, capture_output=True, timeout=100).stdout)


def last(**options):
    """Units of time until the last node is complete."""
    found = simulate(pieces=PIECES, **options)
    ideal = found["lacking"] + int(options["nodes"]).bit_length() - 1
    return found["last_over_ideal"] * ideal


class Updates(unittest.TestCase):
    def test_no_cell_is_slower_than_an_ordinary_seed(self):
        """How much is there, on how many nodes, from how many sources; the same pieces on all (a new version), or on each its own (a restart)."""
        for have, nodes, sources, alike in itertools.product((0, 50, 99, 99.9), (1, 2, 12), (1, 2), (0, 1)):
            with self.subTest(have=have, nodes=nodes, sources=sources, alike=alike):
                cell = {"have": have, "nodes": nodes, "sources": sources, "alike": alike}
                self.assertLessEqual(last(**cell, directed=1), 1.10 * last(**cell, directed=0) + MESSAGES)

    def test_what_is_missing_decides_and_not_what_there_is(self):
        for have in (99, 99.9):
            with self.subTest(have=have):
                self.assertLessEqual(last(have=have, nodes=1), PIECES * (100 - have) / 100 * 1.1 + MESSAGES)

    def test_a_new_version_leaves_the_source_about_once(self):
        self.assertLessEqual(simulate(pieces=PIECES, nodes=12, have=50)["source_copies"], 1.02)
        self.assertLessEqual(simulate(pieces=PIECES, nodes=12, have=99)["source_copies"], 1.25)


if __name__ == "__main__":
    unittest.main(verbosity=2)
