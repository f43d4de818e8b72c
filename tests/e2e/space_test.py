"""Disks that fill up and limits that are met in the middle of a fetch, on a small file system of the test's own."""
import ctypes
import os
import resource
import shutil
import signal
import subprocess
import sys
import unittest

from cases import FleetCase

PIECE = 64 << 10
MIB = 1 << 20
KEEP_SIZE_AND_PUNCH = 3  # FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE


def in_own_namespace():
    """Runs this program again where it may mount; false where the system does not let it."""
    words = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    if shutil.which("unshare") is None or subprocess.run([*words, "true"], check=False, capture_output=True).returncode != 0:
        return False
    os.execvp("unshare", [*words, sys.executable, *sys.argv, "--mounted"])


def punch_what_is_empty(path):
    """Takes back the space of pieces that were not written yet, as if the file system had never reserved it. Returns how many."""
    libc = ctypes.CDLL(None, use_errno=True)
    count = 0
    with open(path, "r+b") as file:
        for at in range(0, os.path.getsize(path) - PIECE, PIECE):
            file.seek(at)
            if any(file.read(PIECE)):
                continue
            if libc.fallocate(file.fileno(), KEEP_SIZE_AND_PUNCH, ctypes.c_long(at), ctypes.c_long(PIECE)) != 0:
                raise OSError(ctypes.get_errno(), "fallocate")
            count += 1
    return count


class Space(FleetCase):
    def setUp(self):
        super().setUp()
        self.original = self.published(24)
        self.seeder = self.fleet.start_seeder(self.source, "--upload-limit", "5MB")
        self.disk = self.fleet.path("small")
        os.makedirs(self.disk)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", self.disk], check=True)
        self.addCleanup(subprocess.run, ["umount", "--lazy", self.disk], check=True)
        self.node = self.fleet.join("small")

    def in_the_middle(self):
        pull = self.fleet.pull(self.node, "acme/model")
        pull.wait_event("progress", 60, lambda event: event.get("total", 0) > 0 and event["done"] >= 0.3 * event["total"])
        return pull

    def assert_out_of_space(self, pull, *words):
        self.assertEqual(pull.wait(60), 14)
        error = pull.last("error")
        self.assertEqual(error["code"], "no_space")
        for word in (*words, "is kept", "make room"):
            self.assertIn(word, error["message"])
        self.assertFalse(os.path.exists(os.path.join(self.node.state, "models")), "nothing is shown")

    def assert_goes_on(self):
        report = self.fleet.pull(self.node, "acme/model").complete()
        self.assertLess(report["bytes_from_source"], 0.85 * report["bytes"], "what was fetched is kept")
        self.assert_same(self.original, report["path"])

    def fill(self):
        filler = os.path.join(self.disk, "filler")
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(MIB))
            except OSError:
                pass
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                return filler

    def test_a_disk_that_fills_up_ends_the_fetch_with_14_and_it_goes_on_when_there_is_room(self):
        pull = self.in_the_middle()
        pull.send(signal.SIGSTOP)
        incoming = os.path.join(self.node.state, "incoming")
        below = os.path.join(incoming, os.listdir(incoming)[0])
        self.assertGreater(sum(punch_what_is_empty(os.path.join(below, name)) for name in ("weights-1.bin", "weights-2.bin")), 20)
        filler = self.fill()
        pull.send(signal.SIGCONT)
        self.assert_out_of_space(pull, "weights-", "No space left on device")
        os.remove(filler)
        self.assert_goes_on()

    def test_space_that_was_reserved_is_enough_when_others_fill_the_disk(self):
        pull = self.in_the_middle()
        filler = self.fill()
        os.truncate(filler, os.path.getsize(filler) - MIB)  # for the names and small files of the end
        self.assert_same(self.original, pull.complete()["path"])

    def test_a_limit_on_file_sizes_ends_the_fetch_with_14_and_it_goes_on_without_it(self):
        pull = self.in_the_middle()
        hard = resource.prlimit(pull.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(pull.pid, resource.RLIMIT_FSIZE, (100_000, hard))
        self.assert_out_of_space(pull, "cannot write ", "File too large")  # whichever file's piece comes next
        self.assert_goes_on()

    def test_a_disk_that_is_too_small_is_said_before_the_first_byte_and_nothing_is_left(self):
        subprocess.run(["mount", "-o", "remount,size=20m", self.disk], check=True)
        done = self.fleet.run("pull", "acme/model", "--state", self.node.state, "--listen", "127.0.0.1:0", check=False)
        self.assert_refused(done, 14, "are needed", "make room")
        self.assertEqual(os.listdir(os.path.join(self.node.state, "incoming")), [])


if __name__ == "__main__":
    if "--mounted" not in sys.argv and not in_own_namespace():
        print("skipped: this system lets nobody mount a file system of his own")
        sys.exit(0)
    sys.argv.remove("--mounted")
    unittest.main(verbosity=2)
