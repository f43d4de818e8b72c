"""The Debian package: lintian, what is in it, pages and completion that work, and a fleet that runs from it in a clean Debian root."""
import contextlib
import glob
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
MIRROR = "http://deb.debian.org/debian"
SUITE = "bookworm"
SYSTEM = ["systemd-sysv", "dbus", "iproute2"]  # to boot it
QUICKSTART = ["python3", "pocketsphinx", "pocketsphinx-en-us", "espeak-ng", "sox"]


def run(*command, deadline=600, **more):
    return subprocess.run(command, capture_output=True, text=True, timeout=deadline, check=False, **more)


def missing(*programs):
    return [name for name in programs if shutil.which(name) is None]


def mirror_answers():
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{MIRROR}/dists/{SUITE}/Release", timeout=20) as answer:
        return answer.status == 200
    return False


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="shoal-deb-")
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        done = run(os.path.join(ROOT, "packaging", "build-deb.sh"), "--binary", os.environ["SHOAL"], "--output", cls.directory)
        assert done.returncode == 0, done.stderr
        cls.deb = done.stdout.strip()
        cls.unpacked = os.path.join(cls.directory, "unpacked")
        subprocess.run(["dpkg-deb", "-x", cls.deb, cls.unpacked], check=True)

    def inside(self, *parts):
        return os.path.join(self.unpacked, *parts)

    def help(self):
        return json.loads(run(os.environ["SHOAL"], "help", "--json").stdout)

    @unittest.skipIf(missing("lintian"), "there is no lintian")
    def test_lintian_finds_nothing(self):
        done = run("lintian", "--fail-on", "error,warning", self.deb)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_it_brings_the_program_the_units_and_a_configuration_of_each_role_that_upgrades_keep(self):
        for role in ("tracker", "seeder", "node"):
            self.assertTrue(os.path.exists(self.inside("lib", "systemd", "system", f"shoal-{role}.service")))
        kept = run("dpkg-deb", "-I", self.deb, "conffiles").stdout.split()
        self.assertEqual(kept, [f"/etc/shoal/{role}.toml" for role in ("node", "seeder", "tracker")])
        self.assertTrue(os.access(self.inside("usr", "bin", "shoal"), os.X_OK))
        for unit in glob.glob(self.inside("lib", "systemd", "system", "*")):
            with open(unit, encoding="utf-8") as file:
                for line in file.read().splitlines():
                    if line.startswith("Documentation="):
                        self.check_documents(line)

    def check_documents(self, line):
        for document in line.removeprefix("Documentation=").split():
            kind, name = document.split(":", 1)
            path = f"usr/share/man/man1/{name.removesuffix('(1)')}.1.gz" if kind == "man" else name.removeprefix("///")
            self.assertTrue(os.path.exists(self.inside(path)), document)

    @unittest.skipIf(missing("man"), "there is no man")
    def test_every_command_has_a_page_that_man_reads_without_a_warning(self):
        pages = self.inside("usr", "share", "man", "man1")
        expected = {"shoal.1.gz"} | {f"shoal-{command['path'].replace(' ', '-')}.1.gz" for command in self.help()["commands"]}
        self.assertEqual(set(os.listdir(pages)), expected)
        for name in expected:
            done = run("man", "--warnings", "-l", os.path.join(pages, name), env=os.environ | {"MANWIDTH": "100", "LC_ALL": "C.UTF-8"})
            self.assertEqual((done.returncode, done.stderr), (0, ""), name)
            self.assertIn("EXIT STATUS", done.stdout)

    @unittest.skipIf(missing("zsh"), "there is no zsh")
    def test_it_brings_the_completion_that_the_program_prints(self):
        """tests/e2e/completion_test.py runs them in shells."""
        for shell, path in (("bash", ("bash-completion", "completions", "shoal")), ("zsh", ("zsh", "vendor-completions", "_shoal"))):
            script = self.inside("usr", "share", *path)
            with open(script, encoding="utf-8") as file:
                self.assertEqual(file.read(), run(os.environ["SHOAL"], "completion", shell).stdout)
            done = run(shell, "-n", script)
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_clean_debian_installs_it_and_the_quickstart_runs_from_it(self):
        if os.geteuid() != 0 or missing("debootstrap", "unshare"):
            self.skipTest("a clean root needs root's rights, debootstrap and unshare")
        if not mirror_answers():
            self.skipTest(f"{MIRROR} does not answer")
        clean = os.path.join(self.directory, "root")
        done = run("debootstrap", "--variant=minbase", SUITE, clean, MIRROR, deadline=900)
        self.skip_without_downloads(done, "Couldn't download", "Failed getting release file")
        self.assertEqual(done.returncode, 0, done.stdout[-2000:])
        shutil.copy(self.deb, os.path.join(clean, "shoal.deb"))
        for part in ("scripts", os.path.join("tests", "support")):
            shutil.copytree(os.path.join(ROOT, part), os.path.join(clean, "opt", "shoal", part))
        self.install_in(clean)
        self.look_at(clean)
        words = "python3 /opt/shoal/scripts/quickstart.py --shoal /usr/bin/shoal --nodes 3 --size 64MB --json"
        done = self.within(clean, words)
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-3000:])
        tables = [event for event in map(json.loads, done.stdout.splitlines()) if event["type"] == "table"]
        self.assertTrue(tables and all(node["verified"] for table in tables for node in table["nodes"]))
        with self.subTest("booted"):
            self.boot(clean)
        self.remove_from(clean)

    def boot(self, clean):
        """The units under a real systemd: their walls let the services work, and its signals reach them."""
        if missing("systemd-nspawn") or not os.access("/sys/fs/cgroup", os.W_OK):
            self.skipTest("booting a root needs systemd-nspawn (systemd-container) and control groups")
        shutil.copy(os.path.join(HERE, "boot.sh"), os.path.join(clean, "root", "boot.sh"))
        unit = "[Unit]\nAfter=multi-user.target\n[Service]\nExecStart=/root/boot.sh\n"
        wants = os.path.join(clean, "etc", "systemd", "system", "multi-user.target.wants")
        os.makedirs(wants, exist_ok=True)
        with open(os.path.join(clean, "etc", "systemd", "system", "boot-test.service"), "w", encoding="utf-8") as file:
            file.write(unit)
        os.symlink("../boot-test.service", os.path.join(wants, "boot-test.service"))
        name = f"--machine=shoal-{os.getpid()}"
        done = run("systemd-nspawn", "--register=no", "--keep-unit", name, "--private-network", "-D", clean, "--boot", deadline=600)
        result = os.path.join(clean, "root", "boot.result")
        if not os.path.exists(result):
            self.skipTest(f"systemd does not boot here: {(done.stdout + done.stderr)[-300:]}")
        with open(result, encoding="utf-8") as file:
            said = dict(line.split("=", 1) for line in file.read().splitlines())
        with open(os.path.join(clean, "root", "boot.log"), encoding="utf-8", errors="replace") as file:
            log = file.read()[-6000:]
        exposures = {name: float(said.pop(name)) for name in list(said) if name.startswith("exposure_")}
        expected = {role: "active" for role in ("tracker", "seeder", "node")}
        expected |= {step: "yes" for step in ("fetched", "status", "refused_reload", "watchdog")} | {"join_failed": "0"}
        expected |= {f"stopped_shoal-{unit}": "success" for unit in ("node", "source", "tracker")}
        self.assertEqual(said, expected, log)
        self.assertEqual(len(exposures), 4)
        self.assertLessEqual(max(exposures.values()), 2.0, exposures)

    def within(self, clean, command, deadline=900):
        """In the root, with a /proc and a /dev that go with the namespace."""
        script = f'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" sh -c "$1"'
        return run("unshare", "--mount", "--fork", "--kill-child", "sh", "-c", script, clean, command, deadline=deadline,
                   env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8", "HOME": "/root"})

    def skip_without_downloads(self, done, *signs):
        """A mirror that fails in the middle says nothing about the package."""
        said = done.stdout + done.stderr
        if done.returncode != 0 and any(sign in said for sign in signs):
            self.skipTest(f"the mirror failed: {said[-300:]}")

    def install_in(self, clean):
        install = "apt-get install -y -q --no-install-recommends"
        done = self.within(clean, f"apt-get update -q && {install} /shoal.deb && {install} {' '.join(QUICKSTART + SYSTEM)}")
        self.skip_without_downloads(done, "Failed to fetch", "Temporary failure resolving")
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-3000:])
        self.assertNotIn("Failed to resolve", done.stdout + done.stderr, "files belong to the user, who must be there first")

    def look_at(self, clean):
        self.assertEqual(self.within(clean, "stat -c '%U %G %a' /var/lib/shoal").stdout, "shoal shoal 750\n")
        units = " ".join(f"/lib/systemd/system/shoal-{name}.service" for name in ("tracker", "seeder", "node", "join"))
        done = self.within(clean, f"systemd-analyze verify --man=no {units}")
        self.assertNotIn("shoal", done.stdout + done.stderr)
        enabled = self.within(clean, "ls /etc/systemd/system/multi-user.target.wants").stdout
        self.assertNotIn("shoal", enabled, "nothing starts before it was set up")

    def remove_from(self, clean):
        done = self.within(clean, "echo '# mine' >> /etc/shoal/node.toml && apt-get remove -y -q shoal && tail -1 /etc/shoal/node.toml")
        self.assertEqual(done.stdout.splitlines()[-1], "# mine")
        done = self.within(clean, "apt-get purge -y -q shoal; ls /etc/shoal")
        self.assertNotEqual(done.returncode, 0, f"a purge leaves no configuration: {done.stdout[-1500:]} {done.stderr[-1500:]}")


if __name__ == "__main__":
    if missing("dh", "dpkg-deb"):
        print("skipped: there is no debhelper; scripts/install-deps.sh --tests installs it")
        sys.exit(77)
    if "libasan" in run("ldd", os.environ["SHOAL"]).stdout or "libtsan" in run("ldd", os.environ["SHOAL"]).stdout:
        print("skipped: this build has a sanitizer, and is not what is packaged")
        sys.exit(77)
    unittest.main(verbosity=2)
