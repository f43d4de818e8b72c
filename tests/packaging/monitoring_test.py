"""The alerts and the dashboard: promtool accepts and tests the rules, and both use only metrics that Shoal has, with labels that it has."""
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RULES = os.path.join(ROOT, "packaging", "prometheus")
DASHBOARD = os.path.join(ROOT, "packaging", "grafana", "shoal.json")
PROCESS = {"process_resident_memory_bytes", "process_cpu_seconds_total"}


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def names_in(text):
    return {name.removesuffix("_bucket") for name in re.findall(r"\b(?:shoal|process)_[a-z_]+", text)}


def known():
    """The metrics that the sources describe."""
    found = set(PROCESS)
    for room in ("src", "tracker", "seeder", "node", "publisher"):
        for path in glob.glob(os.path.join(ROOT, room, "**", "*.cpp"), recursive=True):
            found |= set(re.findall(r'(?:gauge|counter|histogram)\(\s*"(shoal_[a-z_]+)"', read(path)))
    return found


def dashboard_expressions():
    return [target["expr"] for panel in json.loads(read(DASHBOARD))["panels"] for target in panel.get("targets", [])]


def promtool(*words):
    return subprocess.run(["promtool", *words], cwd=RULES, capture_output=True, text=True, timeout=60, check=False)


needs_promtool = unittest.skipUnless(shutil.which("promtool"), "there is no promtool: scripts/install-deps.sh --tests installs it")


class Monitoring(unittest.TestCase):
    @needs_promtool
    def test_the_rules_are_right_and_fire_when_they_must(self):
        for words in (("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml")):
            done = promtool(*words)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_every_alert_has_a_test_that_raises_it(self):
        alerts = re.findall(r"- alert: (\w+)", read(os.path.join(RULES, "alerts.yml")))
        raised = re.findall(r"alertname: (\w+)\n\s+exp_alerts", read(os.path.join(RULES, "alerts_test.yml")))
        self.assertEqual(sorted(set(alerts) - set(raised)), [])

    def test_every_metric_exists(self):
        metrics = known()
        self.assertGreater(len(metrics), 30)
        rules = re.sub(r"(?m)^\s*(summary|description):.*$|^#.*$|alert: \w+|name: [\w-]+", "", read(os.path.join(RULES, "alerts.yml")))
        for where, text in (("alerts.yml", rules), ("shoal.json", " ".join(dashboard_expressions()))):
            self.assertEqual(sorted(names_in(text) - metrics), [], where)

    @needs_promtool
    def test_prometheus_can_parse_every_expression_of_the_dashboard(self):
        rules = [{"record": f"panel:{number}", "expr": expr.replace("$instance", ".*")} for number, expr in enumerate(dashboard_expressions())]
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            json.dump({"groups": [{"name": "dashboard", "rules": rules}]}, file)
            file.flush()
            done = promtool("check", "rules", file.name)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_panels_have_ids_of_their_own_and_do_not_overlap(self):
        panels = json.loads(read(DASHBOARD))["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        taken = set()
        for panel in panels:
            place = panel["gridPos"]
            cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
            self.assertEqual(cells & taken, set(), panel["title"])
            self.assertLessEqual(place["x"] + place["w"], 24, panel["title"])
            taken |= cells


if __name__ == "__main__":
    unittest.main(verbosity=2, argv=sys.argv)
