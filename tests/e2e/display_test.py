"""Progress as a person sees it, in real terminals of 40 to 200 columns that change their width while it runs."""
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import unittest

import terminal
from cases import FleetCase, make_model

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FACTS = re.compile(r"\d+%  .*\d [kMG]?B/s  \d+(s|m\d\ds|h\d\dm) left")
WIDTHS = (200, 120, 80, 40, 120, 80)


def below(lines):
    """Without the text that was there before."""
    return [line for line in lines if not line.startswith("BEFORE")]


def percents(lines):
    return [line for line in lines if "%" in line]


@unittest.skipIf(terminal.missing(), terminal.missing())
class Display(FleetCase):
    def terminal(self, name, columns, *words, environment=None):
        """A command between two lines of text, in a terminal."""
        command = f"for line in 1 2 3 4 5 6 7 8 9 10 11 12; do echo BEFORE $line; done; {shlex.join(map(str, words))}; echo AFTER $?; sleep 600"
        shown = terminal.Terminal(self.fleet.directory, name, columns, command, environment)
        self.addCleanup(shown.close)
        return shown

    def shoal(self, name, columns, *words, environment=None):
        return self.terminal(name, columns, self.fleet.shoal, *words, environment=environment)

    def look(self, shown, columns, needed=FACTS):
        """One line for the command, whole, below what was there before."""
        shown.wait(lambda lines: len(percents(lines)) == 1 and needed.search(percents(lines)[0]) and len(percents(lines)[0]) < columns, 8)
        for _ in range(5):  # redrawn in between
            lines = below(shown.screen())
            self.assertEqual(len(lines), 1, f"at {columns} columns: {lines}")
            self.assertRegex(lines[0], needed)
            time.sleep(0.15)
        self.assertIn("BEFORE 12", shown.screen())
        return lines[0]

    def look_at_all_widths(self, shown):
        """Each width in turn; returns the line at each."""
        found = {}
        for columns in WIDTHS:
            shown.resize(columns)
            found[columns] = self.look(shown, columns)
        self.assertRegex(found[40], r"^\d+%  ")
        self.assertRegex(found[200], r"\[=*> *\]")
        return found

    def end_of(self, shown, *result):
        lines = shown.wait(lambda lines: any(line.startswith("AFTER") for line in lines), 60)
        self.assertEqual(lines[-1], "AFTER 0", lines)
        self.assertIn("BEFORE 12", lines)
        self.assertEqual(len(percents(lines)), 1, lines)
        self.assertIn("100%", percents(lines)[0])
        for text in result:
            self.assertIn(text, "\n".join(lines))
        return lines

    def publish_words(self, directory, version, *more):
        return ["publish", directory, f"acme/llama@{version}", "--state", self.source.state, "--key", self.fleet.path("keys", "publisher.key"), *more]

    def test_publish_at_every_width(self):
        directory = make_model(self.fleet.path("model"), 48)
        shown = self.shoal("publish", 200, *self.publish_words(directory, "1.0", "--hash-rate", "4MB"))
        found = self.look_at_all_widths(shown)
        self.assertIn("hashing acme/llama@1.0", found[200])
        self.assertIn("hashing acme/llama@1.0", found[80])
        self.end_of(shown, "published acme/llama@1.0")

    def test_pull_at_every_width_and_a_stall(self):
        self.fleet.publish(self.source, make_model(self.fleet.path("model"), 60), "acme/llama", "1.0")
        seeder = self.fleet.start_seeder(self.source, "--upload-limit", "4MB")
        shown = self.shoal("pull", 200, "pull", "acme/llama", "--state", self.fleet.join("node").state, "--listen", "127.0.0.1:0")
        found = self.look_at_all_widths(shown)
        for part in ("fetching acme/llama@1.0", "1 peer,", "from the source"):
            self.assertIn(part, found[200])
        seeder.send(signal.SIGSTOP)
        self.addCleanup(seeder.send, signal.SIGCONT)
        stalled = shown.wait(lambda lines: re.search("waiting: |no data for|stalled", percents(lines)[0]), 40)
        self.assertNotIn("left", percents(stalled)[0])
        self.assertEqual(len(below(stalled)), 1, stalled)
        seeder.send(signal.SIGCONT)
        self.end_of(shown, "acme/llama@1.0 verified", "models/acme/llama/main")

    def test_a_tiny_pull_and_its_verification_show_no_rate_of_an_instant(self):
        self.fleet.publish(self.source, make_model(self.fleet.path("model"), 2), "acme/tiny", "1.0")
        self.fleet.start_seeder(self.source)
        state = self.fleet.join("node").state
        pulled = "\n".join(self.end_of(self.shoal("tiny", 120, "pull", "acme/tiny", "--state", state, "--listen", "127.0.0.1:0")))
        if re.search(r" in 0\.\ds", pulled):
            self.assertNotIn("B/s", pulled)
        self.assertNotIn("0s left", pulled)
        verified = self.end_of(self.shoal("verify", 80, "verify", "--state", state), "acme/tiny@1.0")
        self.assertNotIn("B/s", "\n".join(verified))

    def test_colour_only_where_it_is_wanted_and_no_control_characters_outside_of_a_terminal(self):
        directory = make_model(self.fleet.path("model"), 24)
        words = self.publish_words(directory, "1.0", "--hash-rate", "4MB")
        shown = self.shoal("colour", 100, *words)
        shown.wait(lambda lines: percents(lines) and "[=" in percents(lines)[0])
        self.assertIn("\x1b[32m", "\n".join(shown.screen(colours=True)))
        self.end_of(shown)
        words[2] = "acme/other@1.0"
        plain = self.shoal("plain", 100, *words, environment={"NO_COLOR": "1"})
        plain.wait(lambda lines: percents(lines) and "[=" in percents(lines)[0])
        self.assertNotIn("\x1b[32m", "\n".join(plain.screen(colours=True)))
        words[2] = "acme/third@1.0"
        done = subprocess.run([self.fleet.shoal, *words], capture_output=True, text=True, check=True, timeout=60)
        self.assertNotRegex(done.stderr, "[\x1b\r]")
        self.assertRegex(done.stderr, r"hashing acme/third@1.0  \d+%  ")

    def test_the_quickstart_has_a_row_for_each_node_at_every_width(self):
        driver = ("import quickstart, time\n"
                  "screen = quickstart.Screen(False)\n"
                  "for step in range(400):\n"
                  "    screen.progress([{'node': f'node{n}', 'percent': step / 4 if n else 100.0, 'rate': 35.4e6 if n else 0, 'left': 35 if n else 0,\n"
                  "                      'peers': n, 'from_source': 2e9, 'from_peers': 5e8} for n in range(4)])\n"
                  "    time.sleep(0.02)\n"
                  "screen.result({}, 'THE TABLE')\n")
        path = self.fleet.path("driver.py")
        with open(path, "w", encoding="utf-8") as file:
            file.write(driver)
        shown = self.terminal("quickstart", 200, sys.executable, path,
                              environment={"PYTHONPATH": os.path.join(ROOT, "scripts"), "PYTHONDONTWRITEBYTECODE": "1"})
        for columns in WIDTHS:
            shown.resize(columns)
            lines = shown.wait(lambda lines: len(below(lines)) == 4 == len(percents(lines)), 5)
            for line in percents(lines)[1:]:
                self.assertRegex(line, r"\d+%  +35\.4 MB/s  35s left", f"at {columns} columns")
        lines = shown.wait(lambda lines: "THE TABLE" in lines, 15)
        self.assertEqual(below(lines), ["THE TABLE", "AFTER 0"])


if __name__ == "__main__":
    unittest.main()
