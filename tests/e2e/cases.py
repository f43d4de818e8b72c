"""Shared by the end-to-end tests: a fleet per test, content to publish, comparisons."""
import concurrent.futures
import filecmp
import os
import random
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from fleet import Fleet, FleetError  # noqa: E402
from weights import content  # noqa: E402

MB = 1000 * 1000


def write(path, size, seed):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content(path, size, random.Random(seed)))


def make_model(directory, megabytes=24, seed=1):
    """A checkpoint with the shapes that matter: large, small, empty, nested, one byte beyond a power of two."""
    write(os.path.join(directory, "weights-1.bin"), megabytes * MB // 2, seed)
    write(os.path.join(directory, "weights-2.bin"), megabytes * MB // 2 + 1, seed + 1)
    write(os.path.join(directory, "nested", "deep", "table.bin"), (1 << 20) + 1, seed + 2)
    write(os.path.join(directory, "config.json"), 700, seed + 3)
    write(os.path.join(directory, "empty.txt"), 0, seed)
    return directory


def main_side_by_side(at_once, *alone):
    """As unittest.main(), but each test of the calling module in a process of its own, `at_once` at a time: for tests that mostly wait.
    Those of the classes that `alone` names come after them, one after the other."""
    if len(sys.argv) > 1:
        return unittest.main()
    script = os.path.abspath(sys.argv[0])
    suites = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    names = [test.id().removeprefix("__main__.") for suite in suites for test in suite]
    last = [name for name in names if name.split(".")[0] in alone]

    def one(name):
        begun = time.monotonic()
        done = subprocess.run([sys.executable, script, name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        print(f"--- {name}: {time.monotonic() - begun:.1f} s\n{done.stdout}", flush=True)
        return done.returncode == 0

    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        passed = list(pool.map(one, (name for name in names if name not in last)))
    passed += [one(name) for name in last]
    assert passed, "a file without tests"
    sys.exit(0 if all(passed) else 1)


def files_below(directory):
    return sorted(os.path.relpath(os.path.join(at, name), directory) for at, _, names in os.walk(directory) for name in names)


def size_below(directory):
    return sum(os.path.getsize(os.path.join(directory, name)) for name in files_below(directory))


class FleetCase(unittest.TestCase):
    """One fleet per test, with a tracker and a seeder that has joined."""

    def setUp(self):
        self.fleet = self.enterContext(Fleet())
        self.fleet.init()
        self.fleet.start_tracker("--announce-interval", "5s")
        self.source = self.fleet.join("source", role="seeder")

    def published(self, megabytes=24, version="1.0", seed=1, model="acme/model"):
        directory = make_model(self.fleet.path(f"model-{version}"), megabytes, seed)
        self.fleet.publish(self.source, directory, model, version)
        return directory

    def assert_same(self, original, copy):
        """Every file, and none but model.sig, which is made of the release (tests/e2e/huggingface_test.py looks at it)."""
        self.assertEqual(files_below(original), [name for name in files_below(copy) if name != "model.sig"])
        for name in files_below(original):
            self.assertTrue(filecmp.cmp(os.path.join(original, name), os.path.join(copy, name), shallow=False), f"{name} differs")

    def assert_refused(self, done, code, *words):
        """The exit code, an error that holds every word, and nothing that looks like success."""
        messages = " ".join(event["message"] for event in done.events if event.get("type") == "error")
        self.assertEqual(done.code, code, messages or done.errors)
        for word in words:
            self.assertIn(word, messages)
        return messages

    def until(self, what, condition, deadline=60.0):
        """Waits for a condition that no event announces."""
        end = time.monotonic() + deadline
        while time.monotonic() < end:
            found = condition()
            if found:
                return found
            time.sleep(0.05)
        self.fail(f"{what}: not within {deadline:.0f} s")
