"""`shoal top` in a real terminal (tmux), at several sizes and resized while it runs, and without one.

The terminal's part is skipped, with the reason, where there is no tmux.
"""
import json
import os
import shlex
import shutil
import subprocess
import time
import unittest

from cases import FleetCase, main_side_by_side, make_model


class Terminal:
    """A tmux session of its own server, with one command in it."""

    def __init__(self, directory, words, columns, lines, environment=""):
        self.socket = os.path.join(directory, "tmux")
        self.ended = os.path.join(directory, "ended")
        command = f"{environment} {shlex.join(words)}; echo $? > {shlex.quote(self.ended)}; sleep 60"
        self.tmux("new-session", "-d", "-x", str(columns), "-y", str(lines), command)
        self.tmux("set-option", "-g", "status", "off")
        self.tmux("resize-window", "-x", str(columns), "-y", str(lines))

    def tmux(self, *words):
        return subprocess.run(["tmux", "-f", "/dev/null", "-S", self.socket, *words], capture_output=True, text=True, check=True).stdout

    def lines(self):
        return self.tmux("capture-pane", "-p").split("\n")[:-1]

    def press(self, *keys):
        self.tmux("send-keys", *keys)

    def resize(self, columns, lines):
        self.tmux("resize-window", "-x", str(columns), "-y", str(lines))

    def wait(self, good, seconds=20):
        """The screen, once it is as `good` wants it."""
        until = time.monotonic() + seconds
        while True:
            lines = self.lines()
            if good(lines):
                return lines
            if time.monotonic() > until:
                raise AssertionError("the screen is\n" + "\n".join(lines))
            time.sleep(0.1)

    def exit_code(self):
        def over(_):
            return os.path.exists(self.ended) and os.path.getsize(self.ended) > 0

        self.wait(over)
        with open(self.ended, encoding="ascii") as file:
            return int(file.read())

    def close(self):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], capture_output=True, check=False)


class TopCase(FleetCase):
    NODES = 3

    def setUp(self):
        super().setUp()
        self.fleet.publish(self.source, make_model(self.fleet.path("model"), 24), "acme/model", "1.0", channel="main")
        self.nodes = [self.fleet.join(f"gpu-{number:02}", "node", None, "--site", "oslo") for number in range(1, self.NODES + 1)]

    def run_fleet(self, *limits):
        self.fleet.start_seeder(self.source)
        return [self.fleet.start_node(node, "--follow", "acme/model:main", *limits) for node in self.nodes]


class WithoutTerminal(TopCase):
    def test_once_prints_every_machine_and_json_says_the_same(self):
        for run in self.run_fleet():
            run.wait_event("activated", 60)
        deadline = time.monotonic() + 20
        said = {}
        while [x["complete"] for x in said.get("releases", [])] != [3] and time.monotonic() < deadline:
            said = self.fleet.run("top", "--once", "--state", self.nodes[0].state).events[0]
        self.assertEqual(said["type"], "top")
        release, = said["releases"]
        self.assertEqual((release["model"], release["nodes"], release["percent"]), ("acme/model", 3, 100))
        self.assertGreaterEqual(release["bytes_from_source"], release["bytes"])
        machines = {machine["name"]: machine for machine in said["machines"]}
        self.assertEqual({machines[f"gpu-0{n}"]["state"] for n in (1, 2, 3)}, {"active"})
        self.assertEqual(machines["gpu-01"]["versions"], "model 1.0")
        # On the tracker's host, with the tracker's state; as text.
        text = subprocess.run([self.fleet.shoal, "top", "--once", "--state", self.fleet.directory], capture_output=True, text=True, check=True).stdout
        for word in ("acme/model@1.0", "3/3", "gpu-01", "gpu-03", "oslo", "active"):
            self.assertIn(word, text)
        self.assertEqual([line for line in text.split("\n") if len(line) > 120], [])

    def test_without_a_terminal_it_says_what_to_do(self):
        done = subprocess.run([self.fleet.shoal, "top", "--state", self.nodes[0].state], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--once", done.stderr)

    def test_json_is_a_line_every_two_seconds_until_interrupted(self):
        with subprocess.Popen([self.fleet.shoal, "top", "--json", "--state", self.nodes[0].state], stdout=subprocess.PIPE, text=True) as process:
            lines = [json.loads(process.stdout.readline()) for _ in range(2)]
            process.terminate()
            process.wait(20)
        self.assertLess(lines[0]["at"], lines[1]["at"])


@unittest.skipUnless(shutil.which("tmux"), "there is no tmux: scripts/install-deps.sh --tests installs it")
class InATerminal(TopCase):
    def terminal(self, columns, lines, environment=""):
        terminal = Terminal(self.fleet.directory, [self.fleet.shoal, "top", "--state", self.nodes[0].state], columns, lines, environment)
        self.addCleanup(terminal.close)
        return terminal

    def test_a_release_crosses_the_fleet_in_80x24_and_q_gives_the_terminal_back(self):
        self.run_fleet("--download-limit", "3MB")
        terminal = self.terminal(80, 24)
        lines = terminal.wait(lambda lines: any("fetching" in line and "MB/s" in line for line in lines), 40)
        self.assertEqual(len(lines), 24)
        self.assertTrue(all(len(line) <= 80 for line in lines))
        self.assertIn("3 machines", lines[0])
        self.assertTrue(any(line.startswith("RELEASE") for line in lines) and any(line.startswith("MACHINE") for line in lines), lines)
        self.assertIn("q quit", lines[23])
        terminal.wait(lambda lines: any("acme/model@1.0" in line and "3/3" in line and "100%" in line for line in lines), 60)
        terminal.press("q")
        self.assertEqual(terminal.exit_code(), 0)
        self.assertNotIn("MACHINE", "".join(terminal.lines()))

    def test_it_follows_the_terminal_when_that_changes_its_size(self):
        self.run_fleet("--download-limit", "1MB")
        terminal = self.terminal(80, 24)
        terminal.wait(lambda lines: any("gpu-01" in line for line in lines) and "q quit" in lines[23])
        for columns, rows in ((200, 50), (60, 12), (40, 8), (12, 3), (1, 1), (132, 30), (80, 24)):
            terminal.resize(columns, rows)

            def follows(lines, columns=columns, rows=rows):
                if columns < 12 or rows < 8:  # too small for words; it has to survive
                    return len(lines) == rows
                named = [line for line in lines if line.startswith("MACHINE")], [line for line in lines if line.startswith("gpu-0")]
                return len(lines) == rows and lines[0].startswith(" shoal-") and lines[-1].startswith(" q quit") and [len(x) for x in named] == [1, 3]

            self.assertTrue(all(len(line) <= columns for line in terminal.wait(follows)))
        terminal.press("q")
        self.assertEqual(terminal.exit_code(), 0)

    def test_keys_sort_and_scroll_and_an_interrupt_ends_it(self):
        terminal = self.terminal(80, 5, "NO_COLOR=1")
        lines = terminal.wait(lambda lines: "sort: state" in lines[-1] and "1-2 of 3" in lines[-1])
        self.assertIn("gpu-01", "".join(lines))
        terminal.press("s")
        terminal.wait(lambda lines: "sort: name" in lines[-1])
        terminal.press("End")
        terminal.wait(lambda lines: "2-3 of 3" in lines[-1])
        terminal.press("Up")
        terminal.wait(lambda lines: "1-2 of 3" in lines[-1])
        terminal.press("C-c")
        self.assertEqual(terminal.exit_code(), 0)  # a way to leave, as for every command that watches

    def test_a_tracker_that_is_away_is_named_and_the_last_picture_stays(self):
        terminal = self.terminal(80, 24)
        terminal.wait(lambda lines: any("gpu-01" in line for line in lines))
        self.fleet.tracker.stop()
        lines = terminal.wait(lambda lines: "q quit" not in lines[23], 60)
        self.assertIn("gpu-01", "".join(lines))
        self.fleet.start_tracker("--announce-interval", "5s")
        terminal.wait(lambda lines: "q quit" in lines[23], 60)
        terminal.press("q")
        self.assertEqual(terminal.exit_code(), 0)

    def test_a_terminal_that_cannot_be_drawn_on_is_named(self):
        terminal = self.terminal(80, 24, "TERM=nothing")
        self.assertEqual(terminal.exit_code(), 2)
        self.assertIn("'nothing'", "".join(terminal.lines()))


if __name__ == "__main__":
    main_side_by_side(3)
