"""The systemd units: systemd reads them without a complaint, they are closed enough, and they start what there is."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
UNITS = os.path.join(ROOT, "packaging", "systemd")
ROLES = {"tracker": "tracker run", "seeder": "seed", "node": "node run"}
MOST_EXPOSED = 2.0


def analyze(*words):
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, timeout=60, check=False)


def settings(text):
    """[(key, value)] of a unit."""
    return [tuple(line.split("=", 1)) for line in text.splitlines() if re.match(r"\w+=", line)]


class Units(unittest.TestCase):
    def read(self, role):
        with open(os.path.join(UNITS, f"shoal-{role}.service"), encoding="utf-8") as file:
            return file.read()

    def test_systemd_finds_nothing_wrong(self):
        """The binary is that of the build, since none need be installed."""
        with tempfile.TemporaryDirectory() as directory:
            paths = []
            for role in [*ROLES, "join"]:
                path = os.path.join(directory, f"shoal-{role}.service")
                with open(path, "w", encoding="utf-8") as file:
                    file.write(self.read(role).replace("/usr/bin/shoal", os.path.abspath(os.environ["SHOAL"])))
                paths.append(path)
            done = analyze("verify", "--man=no", *paths)
        ours = [line for line in (done.stdout + done.stderr).splitlines() if "shoal" in line]
        self.assertEqual(ours, [])

    def test_the_exposure_is_two_or_better(self):
        for role in [*ROLES, "join"]:
            done = analyze("security", "--offline=yes", os.path.join(UNITS, f"shoal-{role}.service"))
            level = re.search(r"Overall exposure level for .*: ([\d.]+)", done.stdout)
            self.assertIsNotNone(level, done.stdout + done.stderr)
            self.assertLessEqual(float(level[1]), MOST_EXPOSED, f"shoal-{role}: {done.stdout}")

    def test_they_start_commands_and_configurations_that_exist(self):
        for role, command in ROLES.items():
            start = dict(settings(self.read(role)))["ExecStart"]
            self.assertEqual(start, f"/usr/bin/shoal {command} --config /etc/shoal/{role}.toml")
            subprocess.run([os.environ["SHOAL"], *command.split(), "--help"], check=True, capture_output=True, timeout=30)
            self.assertTrue(os.path.exists(os.path.join(ROOT, "configs", f"{role}.toml")))

    def test_the_manager_waits_for_ready_feeds_on_the_watchdog_and_starts_again(self):
        for role in ROLES:
            values = dict(settings(self.read(role)))
            self.assertEqual((values["Type"], values["Restart"], values["ExecReload"]), ("notify", "on-failure", "/bin/kill -HUP $MAINPID"))
            self.assertIn("WatchdogSec", values)
            self.assertTrue(values["StateDirectory"].startswith("shoal"))


if __name__ == "__main__":
    if shutil.which("systemd-analyze") is None:
        print("skipped: there is no systemd-analyze; scripts/install-deps.sh --tests installs it")
        sys.exit(77)
    unittest.main(verbosity=2)
