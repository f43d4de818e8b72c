"""The Containerfile and the Kubernetes examples: linters find nothing, and what they run and configure exists."""
import copy
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

import helm_subset  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CONTAINERFILE = os.path.join(ROOT, "packaging", "Containerfile")
KUBERNETES = os.path.join(ROOT, "packaging", "kubernetes")
KSERVE = os.path.join(KUBERNETES, "kserve.yaml")  # its kind is not Kubernetes' own
MANIFESTS = sorted(set(glob.glob(os.path.join(KUBERNETES, "*.yaml"))) - {KSERVE, os.path.join(KUBERNETES, "kustomization.yaml")})
CHART = os.path.join(ROOT, "packaging", "helm", "shoal")
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


    def test_nothing_is_left_for_the_reader_to_fill_in(self):
        for path in [*MANIFESTS, KSERVE]:
            self.assertNotIn("...", read(path), path)

    @unittest.skipUnless(shutil.which("kubectl"), "there is no kubectl")
    def test_kubectl_builds_all_of_it(self):
        done = subprocess.run(["kubectl", "kustomize", KUBERNETES], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        built = list(yaml.safe_load_all(done.stdout))
        self.assertEqual(sorted(each["metadata"]["name"] for each in built), sorted(each["metadata"]["name"] for each in objects()))

    def test_the_tracker_takes_up_a_fleet_at_its_first_start_and_keeps_it(self):
        spec = dict(pod_specs())["shoal-tracker"]
        script = spec["initContainers"][0]["command"][2]
        with tempfile.TemporaryDirectory() as directory:
            state, fleet, away = (os.path.join(directory, name) for name in ("state", "fleet", "away"))
            os.mkdir(state)
            os.mkdir(fleet)
            shoal = [os.environ["SHOAL"], "fleet", "init", "--state", os.path.join(away, "tracker"), "--keys", os.path.join(away, "keys")]
            subprocess.run([*shoal, "--tracker", "https://tracker.example:7443"], check=True, capture_output=True, timeout=30)
            subprocess.run(["tar", "-cf", os.path.join(fleet, "tracker.tar"), "-C", os.path.join(away, "tracker"), "."], check=True)
            local = script.replace("/var/lib/shoal", state).replace("/run/secrets/fleet", fleet)
            for _ in range(2):
                subprocess.run(["/bin/sh", "-ec", local], check=True, timeout=30)
                token = [os.environ["SHOAL"], "token", "create", "--state", os.path.join(state, "tracker"), "--role", "node", "--uses", "1000",
                         "--ttl", "90d"]
                self.assertIn("shoal1.", subprocess.run(token, check=True, capture_output=True, text=True, timeout=30).stdout)
                with open(os.path.join(fleet, "tracker.tar"), "w", encoding="ascii") as file:
                    file.write("no archive: the second start must not look at it")
            listed = subprocess.run([os.environ["SHOAL"], "token", "list", "--state", os.path.join(state, "tracker")], check=True, capture_output=True,
                                    text=True, timeout=30).stdout
            self.assertEqual(listed.count("1000 uses left"), 2, "the second start kept the state of the first")


class KServe(unittest.TestCase):
    def test_the_container_joins_and_pulls_into_the_directory_that_kserve_names(self):
        storage = yaml.safe_load(read(KSERVE))
        self.assertEqual((storage["apiVersion"], storage["kind"]), ("serving.kserve.io/v1alpha1", "ClusterStorageContainer"))
        self.assertEqual(storage["spec"]["supportedUriFormats"], [{"prefix": "shoal://"}])
        container = storage["spec"]["container"]
        self.assertEqual(container["name"], "storage-initializer")
        with tempfile.TemporaryDirectory() as directory:
            said = os.path.join(directory, "said")
            with open(os.path.join(directory, "shoal"), "w", encoding="ascii") as file:
                file.write(f'#!/bin/sh\necho "$@" >> {said}\n')
            os.chmod(os.path.join(directory, "shoal"), 0o755)
            # KServe appends the URI and the directory to the command.
            subprocess.run([*container["command"], "shoal://acme/llama@1.0", "/mnt/models"], check=True, timeout=30,
                           env={"PATH": directory + ":/usr/bin:/bin"})
            self.assertEqual(read(said).splitlines(), ["join --state /tmp/shoal", "pull acme/llama@1.0 --state /tmp/shoal --to /mnt/models"])


class Helm(unittest.TestCase):
    def setUp(self):
        self.chart = helm_subset.Chart(CHART)

    def everything(self):
        values = copy.deepcopy(self.chart.values)
        for part in ("node", "tracker", "seeder", "kserve"):
            values[part]["enabled"] = True
        return values

    def rendered(self, values=None):
        texts = [self.chart.render(name, values) for name in self.chart.templates() if name.endswith(".yaml")]
        return [document for text in texts for document in yaml.safe_load_all(text) if document]

    def test_the_chart_has_what_helm_asks_for(self):
        about = self.chart.about
        self.assertEqual((about["apiVersion"], about["name"], about["type"]), ("v2", "shoal", "application"))
        self.assertRegex(about["version"], r"^\d+\.\d+\.\d+$")

    def test_with_everything_on_it_is_the_manifests_and_every_value_is_used(self):
        for document in self.rendered(self.everything()):
            if document["kind"] in ("Namespace", "ClusterStorageContainer"):
                continue
            self.assertEqual(document["metadata"]["namespace"], "models")
            plain = next(each for each in objects() if (each["kind"], each["metadata"]["name"]) == (document["kind"], document["metadata"]["name"]))
            if document["kind"] == "ConfigMap":
                tomllib.loads(document["data"]["node.toml"])
                continue
            plain["metadata"]["namespace"] = "models"
            document["spec"].get("template", {}).get("metadata", {}).pop("annotations", None)
            self.assertEqual(document, plain)
        self.assertEqual(len([each for each in self.rendered(self.everything()) if each["kind"] != "ClusterStorageContainer"]), len(objects()) - 1)
        self.chart.render("NOTES.txt")
        self.assertEqual(self.chart.unused(), [])

    def test_by_default_there_are_nodes_alone_and_values_reach_their_configuration(self):
        self.assertEqual(sorted(each["kind"] for each in self.rendered()), ["ConfigMap", "DaemonSet"])
        values = copy.deepcopy(self.chart.values)
        values["node"].update(follow=["acme/llama:main", "acme/b:x"], port=7100, tolerations=[], nodeSelector={})
        config, daemons = self.rendered(values)
        self.assertEqual(tomllib.loads(config["data"]["node.toml"]) | {"log_level": ""},
                         {"state": "/var/lib/shoal", "listen": "[::]:7100", "metrics": "127.0.0.1:9470", "follow": ["acme/llama:main", "acme/b:x"], "hook": [], "log_level": ""})
        self.assertEqual(daemons["spec"]["template"]["spec"]["containers"][0]["ports"][0]["hostPort"], 7100)

    def test_kubernetes_schemas_know_every_key(self):
        if reason := install_linters():
            self.skipTest(reason)
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "all.yaml")
            with open(path, "w", encoding="utf-8") as file:
                yaml.safe_dump_all([each for each in self.rendered(self.everything()) if each["kind"] != "ClusterStorageContainer"], file)
            self.assertEqual(lint(CONTAINERFILE, path), (0, [], ""))


if __name__ == "__main__":
    unittest.main(verbosity=2)
