"""The Containerfile and the Kubernetes examples: linters find nothing, and what they run and configure exists."""
import glob
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import unittest

try:
    import yaml
except ImportError:
    # Debian's package is for Debian's Python, which may not be the one that runs this.
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])
    print("skipped: there is no python3-yaml; scripts/install-deps.sh --tests installs it")
    sys.exit(77)

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CONTAINERFILE = os.path.join(ROOT, "packaging", "Containerfile")
MANIFESTS = sorted(glob.glob(os.path.join(ROOT, "packaging", "kubernetes", "*.yaml")))
SOURCES = os.path.join(HERE, "npm")
# Packages stay there from one run to the next.
PACKAGES = os.environ.get("SHOAL_LINT_NPM") or os.path.join(tempfile.gettempdir(), f"shoal-lint-npm-{os.getuid()}")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def install_linters():
    """The reason where that does not work."""
    if not shutil.which("node") or not shutil.which("npm"):
        return "there is no node or no npm: scripts/install-deps.sh --tests installs them"
    os.makedirs(PACKAGES, exist_ok=True)
    for name in ("package.json", "package-lock.json", "lint.mjs"):
        shutil.copy(os.path.join(SOURCES, name), PACKAGES)
    stamp, wanted = os.path.join(PACKAGES, "installed"), hashlib.sha256(read(os.path.join(SOURCES, "package-lock.json")).encode()).hexdigest()
    if os.path.exists(stamp) and read(stamp) == wanted:
        return None
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries", "1", "--fetch-timeout", "20000"]
    done = subprocess.run(command, cwd=PACKAGES, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        return f"npm cannot fetch the linters: {done.stderr.strip()[-400:]}"
    with open(stamp, "w", encoding="utf-8") as file:
        file.write(wanted)
    return None


def lint(containerfile, *manifests):
    done = subprocess.run(["node", os.path.join(PACKAGES, "lint.mjs"), containerfile, *manifests], capture_output=True, text=True, timeout=60,
                          check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def instructions(text):
    """[(word, rest)] of a Containerfile, lines that go on joined, comments left out."""
    joined = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.M))
    return [tuple(line.split(None, 1)) for line in joined.splitlines() if line.strip()]


def objects():
    return [document for path in MANIFESTS for document in yaml.safe_load_all(read(path))]


def pod_specs():
    return [(document["metadata"]["name"], document["spec"]["template"]["spec"]) for document in objects() if "template" in document.get("spec", {})]


class Linters(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if reason := install_linters():
            raise unittest.SkipTest(reason)

    def test_they_find_nothing(self):
        self.assertEqual(lint(CONTAINERFILE, *MANIFESTS), (0, [], ""))

    def test_they_would_find_an_unknown_key_a_wrong_type_and_an_unknown_instruction(self):
        with tempfile.TemporaryDirectory() as directory:
            wrong = {"Containerfile": "FROM debian:bookworm\nFOO bar\n",
                     "pod.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, imagee: b, ports: [{containerPort: x}]}]}\n"}
            for name, text in wrong.items():
                with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
                    file.write(text)
            code, found, _ = lint(*(os.path.join(directory, name) for name in wrong))
        said = " ".join(each["message"] for each in found)
        self.assertEqual(code, 1)
        for word in ("FOO", "imagee", "containerPort"):
            self.assertIn(word, said)


class Containerfile(unittest.TestCase):
    def setUp(self):
        self.lines = instructions(read(CONTAINERFILE))

    def test_the_image_runs_the_program_as_a_user_with_a_number_and_from_bases_with_a_version(self):
        last = dict(self.lines)
        self.assertRegex(last["USER"], r"^[1-9]\d*:[1-9]\d*$")
        self.assertEqual(json.loads(last["ENTRYPOINT"]), ["/usr/bin/shoal"])
        for word, rest in self.lines:
            if word == "FROM":
                self.assertRegex(rest.split()[0], r":(?!latest)")

    def test_it_builds_with_the_packages_that_the_build_needs(self):
        needed = re.search(r"^build=\(([^)]*)\)", read(os.path.join(ROOT, "scripts", "install-deps.sh")), re.M)[1].split()
        installed = " ".join(rest for word, rest in self.lines if word == "RUN").split()
        only_for_tests = {"ccache", "doctest-dev"}
        self.assertEqual(set(needed) - only_for_tests - set(installed), set())

    def test_what_it_calls_is_in_the_checkout(self):
        text = read(CONTAINERFILE)
        self.assertIn("packaging/build-deb.sh", text)
        presets = json.loads(read(os.path.join(ROOT, "CMakePresets.json")))
        self.assertIn("release", {preset["name"] for preset in presets["configurePresets"]})


class Kubernetes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        done = subprocess.run([os.environ["SHOAL"], "help", "--json"], capture_output=True, text=True, check=True, timeout=30)
        cls.commands = {command["path"]: command for command in json.loads(done.stdout)["commands"]}

    def command_of(self, words):
        return next(path for path in (" ".join(words[:2]), words[0]) if path in self.commands)

    def test_containers_run_commands_with_options_that_exist(self):
        for name, spec in pod_specs():
            for container in spec["containers"]:
                command = self.command_of(container["args"])
                options = {option["name"] for option in self.commands[command]["options"]}
                given = {word for word in container["args"] if word.startswith("--")}
                self.assertEqual(given - options, set(), f"{name}: {command}")

    def test_the_configuration_has_keys_that_exist(self):
        known = {option["config_key"] for option in self.commands["node run"]["options"]}
        texts = [text for each in objects() if each["kind"] == "ConfigMap" for text in each["data"].values()]
        self.assertTrue(texts)
        for text in texts:
            self.assertEqual(set(tomllib.loads(text)) - known, set())

    def test_probes_ask_where_the_metrics_are(self):
        texts = {name: read(path) for name, path in ((os.path.basename(path), path) for path in MANIFESTS)}
        for text in texts.values():
            for port in re.findall(r"port: (\d+)\n", text):
                if port == "9470":
                    self.assertIn("127.0.0.1:9470", text)
        for name, spec in pod_specs():
            for container in spec["containers"]:
                self.assertEqual(container["livenessProbe"]["httpGet"]["path"], "/livez", name)
                self.assertEqual(container["readinessProbe"]["httpGet"]["path"], "/readyz", name)

    def test_no_container_may_gain_rights_and_only_one_begins_as_root(self):
        roots = []
        for name, spec in pod_specs():
            self.assertTrue(spec["securityContext"]["runAsNonRoot"])
            self.assertFalse(spec["automountServiceAccountToken"])
            for container in spec.get("initContainers", []) + spec["containers"]:
                context = container["securityContext"]
                self.assertFalse(context["allowPrivilegeEscalation"])
                self.assertTrue(context["readOnlyRootFilesystem"])
                self.assertEqual(context["capabilities"]["drop"], ["ALL"])
                roots += [f"{name}/{container['name']}"] if context.get("runAsUser") == 0 else []
        self.assertEqual(roots, ["shoal-node/directory"])

    def test_selectors_find_their_pods_and_volumes_are_mounted_by_name(self):
        for document in objects():
            if "template" not in document.get("spec", {}):
                continue
            labels = document["spec"]["template"]["metadata"]["labels"]
            self.assertEqual(document["spec"]["selector"]["matchLabels"], labels)
            spec = document["spec"]["template"]["spec"]
            volumes = {volume["name"] for volume in spec["volumes"]}
            for container in spec.get("initContainers", []) + spec["containers"]:
                self.assertEqual({mount["name"] for mount in container["volumeMounts"]} - volumes, set())


if __name__ == "__main__":
    unittest.main(verbosity=2)
