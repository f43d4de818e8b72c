"""README.md, docs/first-hour.md and docs/getting-started.md, typed letter for letter on six machines."""
import os
import random
import re
import shlex
import shutil
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cases  # noqa: E402
import machines  # noqa: E402
from fleet import default_binary  # noqa: E402
from guide import ROOT, Guide  # noqa: E402
from weights import content  # noqa: E402

SHOAL = os.path.abspath(default_binary())
NODES = ["gpu1", "gpu2", "gpu3", "gpu4"]
AT = {"tracker": ["control"], "seeder": ["nas"], "nodes": NODES, "all": ["control", "nas", *NODES]}
USER = 64321  # "shoal", as the package would make it
MODEL = "/var/lib/shoal/models/acme/llama/main"
# The words of each service when it is ready.
READY = {"tracker run": "tracker ready", "seed": "seeding", "node run": "a node runs|follows"}
# Commands that need a whole system; the tests that run them.
ELSEWHERE = {r"git clone|cmake |scripts/install-deps\.sh|sudo install build/": "the build itself",
             r"packaging/build-deb\.sh|apt install debhelper": "packaging.deb",
             r"\./scripts/quickstart\.sh": "scripts/quickstart.sh in CI",
             r"^shoal pull acme/llama$": "the same command with sudo further down",
             r"systemctl status": "packaging.deb"}


class FirstHour(unittest.TestCase):
    def setUp(self):
        self.directory = self.enterContext(tempfile.TemporaryDirectory(prefix="shoal-first-hour-"))
        os.chmod(self.directory, 0o755)
        programs = os.path.join(self.directory, "bin")
        os.mkdir(programs)
        shutil.copy(SHOAL, os.path.join(programs, "shoal"))
        self.machines = self.enterContext(machines.Machines(["control", "nas", *NODES], self.directory, hosts={"tracker.example": ["10.99.0.1"]}, path=programs))
        self.tokens, self.terminals, self.in_table = {}, [], False
        for number, name in enumerate(["llama", "llama-1.1"]):
            data = content("w.safetensors", 2_000_000, random.Random(number))
            path = os.path.join(self.machines["nas"].files, "mnt/nas", name, "w.safetensors")
            os.makedirs(os.path.dirname(path))
            with open(path, "wb") as file:
                file.write(data)

    # --- what a person does between the commands ---

    def copy_key(self, source="root/fleet-keys", target="/root/publisher.key"):
        with open(os.path.join(self.machines["control"].files, source, "publisher.key"), encoding="ascii") as key:
            return self.machines["nas"].write(target, key.read())

    def shows(self, version):
        """Whether every node has this version in the model's directory."""
        with open(os.path.join(self.machines["nas"].files, "mnt/nas", version, "w.safetensors"), "rb") as file:
            wanted = file.read()
        return all(self.content_of(name) == wanted for name in NODES)

    def content_of(self, name):
        link = self.machines[name].files + MODEL
        if not os.path.islink(link):
            return None
        target = os.readlink(link)
        target = self.machines[name].files + target if target.startswith("/") else os.path.join(os.path.dirname(link), target)
        with open(os.path.join(target, "w.safetensors"), "rb") as file:
            return file.read()

    def until(self, what, condition, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                said = "\n".join(f"--- {' '.join(each.command[-6:])}\n" + "\n".join(each.lines[-8:]) for each in self.machines.started)
                self.fail(f"{what}: not within {seconds} s\n{said}")
            time.sleep(0.1)

    # --- typing ---

    def words_of(self, command):
        """`sudo` is dropped on a machine where everybody is root; with -u it is another user."""
        words = shlex.split(command)
        if words[:3] == ["sudo", "-u", "shoal"]:
            return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", *words[3:]]
        return words[1:] if words[0] == "sudo" else words

    def type(self, step):
        if any(re.search(pattern, step.command) for pattern in ELSEWHERE):
            return
        for name in AT[step.place]:
            with self.subTest(step.heading, machine=name, command=step.command):
                self.type_at(self.machines[name], step)

    def type_at(self, machine, step):
        words = self.words_of(step.command)
        if re.match(r"\w+ = |\[\[", step.command):
            return self.configure(machine, step)
        self.in_table = False
        if words[0] == "systemctl":
            return self.start_units(machine, words[1:])
        if "apt" in words:
            return self.install_package(machine)
        if "keeps running" in step.comment:
            return self.start(machine, words, next(ready for command, ready in READY.items() if f"shoal {command}" in step.command))
        stdin = self.tokens["seeder" if machine.name == "nas" else "node"] if "join -" in step.command else ""
        said = machine.run(*words, stdin=stdin, directory="/root").stdout
        if "token create" in step.command:
            self.tokens[re.search(r"--role (\w+)", step.command)[1]] = said.strip().splitlines()[-1] + "\n"
        return said

    def start(self, machine, words, ready):
        program = machine.start(*words)
        self.terminals.append(program)
        self.until(f"{machine.name}: {' '.join(words)}", lambda: any(re.search(ready, line) for line in list(program.lines)) or program.code is not None, 30)
        self.assertIsNone(program.code, "\n".join(program.lines))

    def close_terminals(self):
        for program in self.terminals:
            self.assertEqual(program.stop(2), 0 if program.code is None else program.code, "\n".join(program.lines))
        self.terminals = []

    # --- what the package and systemd do ---

    def install_package(self, machine):
        for file, line in (("passwd", f"shoal:x:{USER}:{USER}::/var/lib/shoal:/usr/sbin/nologin\n"), ("group", f"shoal:x:{USER}:\n")):
            with open(os.path.join(machine.files, "etc", file), "a", encoding="utf-8") as accounts:
                accounts.write(line)
        for name in ("tracker", "seeder", "node"):
            with open(os.path.join(ROOT, "configs", name + ".toml"), encoding="utf-8") as file:
                machine.write(f"/etc/shoal/{name}.toml", file.read())
        machine.run("install", "-d", "-o", str(USER), "-g", str(USER), "-m", "0750", "/var/lib/shoal")

    def configure(self, machine, step):
        """Puts the line in place of the one that the example has; a table and its lines go to the end."""
        key = step.command.split(" = ")[0]
        role = "seeder" if machine.name == "nas" else "node"
        path = os.path.join(machine.files, f"etc/shoal/{role}.toml")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.in_table = self.in_table or key.startswith("[[")
        changed = (text.rstrip("\n") + "\n" + step.command + "\n" if self.in_table
                   else re.sub(rf"(?m)^(# )?{key} = .*$", lambda _: step.command, text, count=1))
        self.assertIn(step.command, changed)
        machine.write(f"/etc/shoal/{role}.toml", changed)

    def start_units(self, machine, words):
        self.assertEqual(words[:2], ["enable", "--now"])
        for unit in words[2:]:
            with open(os.path.join(ROOT, "packaging/systemd", unit + ".service"), encoding="utf-8") as file:
                text = file.read()
            command = re.search(r"(?m)^ExecStart=/usr/bin/(.*)$", text)[1].split()
            self.assertIn("\nUser=shoal\n", text)
            ready = READY[{"shoal-tracker": "tracker run", "shoal-seeder": "seed", "shoal-node": "node run"}[unit]]
            self.start(machine, ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", *command], ready)

    def list_nodes(self, *prefix):
        return self.machines["nas"].run(*prefix, "shoal", "nodes", "list").stdout

    # --- the pages ---

    def test_the_readme(self):
        guide = Guide("README.md")
        fleet = guide.steps("Set up a fleet")
        for step in fleet:
            if step.place == "seeder" and "seeder" in self.tokens:
                self.copy_key()
            self.type(step)
        self.until("all nodes have 1.0", lambda: self.shows("llama"))
        for step in guide.steps("Further features"):
            if "rollback" in step.command:
                self.until("all nodes have 1.1", lambda: self.shows("llama-1.1"))
            self.type(step)
        self.until("all nodes are back at 1.0", lambda: self.shows("llama"))
        for name in NODES:
            self.assertIn(name, self.list_nodes())
        self.close_terminals()
        for step in guide.steps("Run it as a service"):
            self.type(step._replace(place="nodes" if "systemctl" in step.command else "all"))

    def test_the_first_hour(self):
        guide = Guide("docs/first-hour.md")
        for step in guide.steps():
            if step.heading.startswith("3.") and not os.path.exists(os.path.join(self.machines["nas"].files, "root/publisher.key")):
                self.copy_key()
            if step.heading.startswith("5.") and "publish" in step.command:
                self.until("all nodes have 1.0", lambda: self.shows("llama"))
            if "channel rollback" in step.command:
                self.until("all nodes have 1.1", lambda: self.shows("llama-1.1"))
            if "release withdraw" in step.command:
                self.until("all nodes are back at 1.0", lambda: self.shows("llama"))
            if step.heading.startswith("7.") and self.terminals and "apt install ./shoal" in step.command:
                self.close_terminals()
            self.type(step)
        self.until("the services show what was there", lambda: self.shows("llama"))
        rows = self.list_nodes(*self.words_of("sudo -u shoal true")[:-1])
        for name in NODES:
            self.assertIn(name, rows)

    def test_getting_started(self):
        guide = Guide("docs/getting-started.md")
        for step in guide.steps():
            if "publisher.key /var/lib" in step.command:
                self.copy_key("var/tmp/fleet-keys")
            if step.heading.startswith("6."):
                self.until("all nodes have 1.0", lambda: self.shows("llama"))
                step = step._replace(place="nodes")
            self.type(step)

    def test_every_command_of_the_readme_is_run_by_a_test(self):
        run = {"Set up a fleet", "Further features", "Run it as a service"}
        left = [step.command for step in Guide("README.md").steps() if step.heading not in run
                and not any(re.search(pattern, step.command) for pattern in ELSEWHERE)]
        self.assertEqual([command for command in left if "shoal" in command], [])


if __name__ == "__main__":
    machines.enter_or_skip()
    cases.main_side_by_side(3)
