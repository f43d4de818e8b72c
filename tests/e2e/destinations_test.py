"""A target that cannot work at the end is refused at the beginning, by the path that the user gave; a mount point is filled."""
import os
import shutil
import subprocess
import sys
import unittest

import cases

NOBODY = 65534
MOUNTED = "--mounted"


def enter_own_mounts():
    if os.geteuid() != 0 or not shutil.which("unshare"):
        print("skipped: mounting needs root and unshare")
        sys.exit(77)
    os.execvp("unshare", ["unshare", "--mount", sys.executable, *sys.argv, MOUNTED])


class Destinations(cases.FleetCase):
    def setUp(self):
        super().setUp()
        os.chmod(self.fleet.directory, 0o755)
        self.original = self.published(4)
        self.seeder = self.fleet.start_seeder(self.source)
        self.node = self.fleet.join("node")

    def mount(self, name, *options):
        path = self.fleet.path(name)
        os.makedirs(path, exist_ok=True)
        subprocess.run(["mount", *options, path], check=True)
        self.addCleanup(subprocess.run, ["umount", "--lazy", path], check=False)
        return path

    def pull(self, to):
        done = self.fleet.run("pull", "acme/model", "--state", self.node.state, "--listen", "127.0.0.1:0", "--to", to, check=False)
        return done, " ".join(event["message"] for event in done.events if event["type"] == "error")

    def assert_filled(self, to, found=None):
        done, message = self.pull(to)
        self.assertEqual(done.code, 0, message)
        self.assert_same(self.original, found or to)
        self.assertEqual([name for name in os.listdir(found or to) if name.startswith(".")], [])

    def assert_refused_at_once(self, to, code, *words):
        done, message = self.pull(to)
        self.assertEqual(done.code, code, message)
        for word in (to, *words):
            self.assertIn(word, message)
        self.assertNotIn("/proc/self", message)
        incoming = os.path.join(self.node.state, "incoming")
        self.assertLess(cases.size_below(incoming) if os.path.isdir(incoming) else 0, 100_000)
        self.assertEqual([event for event in done.events if event["type"] == "progress" and event.get("done", 0) > 0], [])

    def test_a_mount_point_is_filled(self):
        volume = self.mount("volume", "-t", "tmpfs", "-o", "size=64m", "none")
        os.mkdir(os.path.join(volume, "lost+found"))
        done, message = self.pull(volume)
        self.assertEqual(done.code, 0, message)
        os.rmdir(os.path.join(volume, "lost+found"))
        self.assert_same(self.original, volume)
        self.assertTrue(os.path.ismount(volume))
        self.assert_refused_at_once(volume, 2, "is not an empty directory")

    def test_a_mount_of_the_same_file_system_is_filled_and_one_above_is_no_obstacle(self):
        behind = self.fleet.path("behind")
        os.mkdir(behind)
        volume = self.mount("bound", "--bind", behind)
        self.assert_filled(volume)
        # A rename from the state directory does not reach below another mount, though the file system is the same.
        os.mkdir(self.fleet.path("behind2"))
        above = self.mount("bound2", "--bind", self.fleet.path("behind2"))
        self.assert_filled(os.path.join(above, "model"))

    def test_a_hugging_face_cache_behind_another_mount_is_refused_before_the_fetch(self):
        os.mkdir(self.fleet.path("behind3"))
        cache = self.mount("cache", "--bind", self.fleet.path("behind3"))
        done = self.fleet.run("pull", "acme/model", "--state", self.node.state, "--listen", "127.0.0.1:0", "--hf-cache", cache, check=False)
        self.assert_refused(done, 2, cache, "another file system")
        self.assertEqual(os.listdir(cache), [])
        self.assertFalse(os.path.isdir(os.path.join(self.node.state, "releases")))

    def test_a_link_to_a_directory_is_followed_and_a_link_to_nothing_is_named(self):
        os.mkdir(self.fleet.path("real"))
        os.symlink("real", self.fleet.path("link"))
        self.assert_filled(self.fleet.path("link"), self.fleet.path("real"))
        os.symlink("gone", self.fleet.path("dangling"))
        self.assert_refused_at_once(self.fleet.path("dangling"), 2, "is a link to gone")

    def test_a_file_system_that_takes_nothing_is_refused(self):
        volume = self.mount("frozen", "-t", "tmpfs", "-o", "size=64m,ro", "none")
        self.assert_refused_at_once(volume, 1, "Read-only file system")
        self.assert_refused_at_once(os.path.join(volume, "model"), 1, "Read-only file system")

    def test_a_file_system_without_file_entries_is_refused(self):
        volume = self.mount("few", "-t", "tmpfs", "-o", "size=64m,nr_inodes=8", "none")
        done, message = self.pull(os.path.join(volume, "model"))
        self.assertEqual(done.code, 14, message)
        self.assertIn("inodes", message)
        self.assertEqual(os.listdir(volume), [])

    def test_a_limit_on_the_size_of_files_is_found_out_before(self):
        words = ["sh", "-c", 'ulimit -f 512 && exec "$@"', "sh", self.fleet.shoal, "pull", "acme/model", "--state", self.node.state, "--listen", "127.0.0.1:0",
                 "--to", self.fleet.path("out")]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 14, done.stderr)
        self.assertIn("ulimit -f", done.stderr)

    def test_without_rights_the_users_own_path_is_named(self):
        closed, open_inside = self.fleet.path("closed"), self.fleet.path("closed", "mine")
        os.mkdir(closed, 0o755)
        os.mkdir(open_inside)
        os.chown(open_inside, NOBODY, NOBODY)
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", self.node.state], check=True)
        as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]

        def pull(to):
            return subprocess.run([*as_nobody, self.fleet.shoal, "pull", "acme/model", "--state", self.node.state, "--listen", "127.0.0.1:0", "--to", to],
                                  capture_output=True, text=True, timeout=60, check=False)

        refused = pull(os.path.join(closed, "theirs"))
        self.assertEqual(refused.returncode, 1, refused.stderr)
        self.assertIn(f"{closed}/theirs: Permission denied", refused.stderr)
        self.assertEqual(pull(open_inside).returncode, 0)  # a directory of ours in one of somebody else's
        self.assert_same(self.original, open_inside)


if __name__ == "__main__":
    if MOUNTED not in sys.argv:
        enter_own_mounts()
    sys.argv.remove(MOUNTED)
    unittest.main(verbosity=2)
