"""Completion in real, interactive bash and zsh: commands, options, values, and names that this machine knows."""
import os
import pty
import re
import select
import shutil
import subprocess
import tempfile
import time
import unittest

from cases import FleetCase, make_model

READY = "READY>"
ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|[=>])")  # of a terminal


def shown(text):
    """Without what moves the cursor or sets colours."""
    return re.sub(r"[\x00\x07\x08]", "", ESCAPES.sub("", text))


class Shell:
    """An interactive shell of its own on a terminal: types a line, presses the tab key, reads what the line became."""

    def __init__(self, command, environment, setup):
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.execvpe(command[0], command, environment)
        self._text = ""
        os.write(self._terminal, (setup + f"; PS1='{READY[:3]}''{READY[3:]} '\n").encode())
        self._read_until(lambda text: READY in text)

    def _read_until(self, enough, deadline=10.0):
        end = time.monotonic() + deadline
        while time.monotonic() < end:
            if select.select([self._terminal], [], [], 0.05)[0]:
                self._text += os.read(self._terminal, 65536).decode("utf-8", "replace")
            elif enough(shown(self._text)):
                return shown(self._text)
        raise AssertionError(f"the shell did not answer: {self._text!r}")

    def line_after_tab(self, typed):
        """The words of the command line after the tab key, as the shell passes them to a command."""
        self._text = ""
        os.write(self._terminal, typed.encode() + b"\t")
        self._read_until(lambda text: len(text) >= len(typed))
        self._text = ""
        os.write(self._terminal, b"\x01print_args \x05\n")  # to the beginning of the line; to its end
        text = self._read_until(lambda text: "<END>" in text and text.rstrip().endswith(READY))
        return re.findall(r"<([^<>]*)>", text)[:-1]

    def listed_after_tabs(self, typed):
        """The candidates that the shell lists where there is a choice."""
        self._text = ""
        os.write(self._terminal, typed.encode() + b"\t\t")
        text = self._read_until(lambda text: text.count("\n") >= 1)
        os.write(self._terminal, b"\x15\x03")  # empty the line
        self._text = ""
        self._read_until(lambda text: READY in text)
        return text

    def close(self):
        os.close(self._terminal)
        os.waitpid(self._pid, 0)


PRINT_ARGS = r"print_args() { printf '<%s>' \"$@\" END; echo; }"


def bash_shell(environment):
    return Shell(["bash", "--noprofile", "--norc", "-i"], environment,
                 PRINT_ARGS.replace('\\"', '"') + "; bind 'set show-all-if-ambiguous on'; bind 'set completion-query-items 0'; source <(shoal completion bash)")


def zsh_shell(environment):
    return Shell(["zsh", "-f", "-i"], environment,
                 PRINT_ARGS.replace('\\"', '"') + "; autoload -Uz compinit; compinit -D -u; unsetopt zle_bracketed_paste 2>/dev/null; source <(shoal completion zsh)")


class Completion(FleetCase):
    def setUp(self):
        super().setUp()
        directory = make_model(self.fleet.path("model"), 1)
        self.fleet.publish(self.source, directory, "acme/llama", "1.0")
        self.fleet.start_seeder(self.source)
        self.node = self.fleet.join("node")
        self.fleet.pull(self.node, "acme/llama@1.0").complete()
        self.fleet.run("follow", "acme/whisper:canary", "--state", self.node.state)
        self.fleet.run("pin", "acme/llama@1.0", "--state", self.node.state)
        self.fleet.stop_all()  # no tracker, no node: names come from the disk
        programs = self.fleet.path("bin")
        os.makedirs(programs)
        os.symlink(self.fleet.shoal, os.path.join(programs, "shoal"))
        self.environment = {"PATH": programs + ":" + os.environ["PATH"], "HOME": self.fleet.path("home"), "TERM": "xterm", "LC_ALL": "C.UTF-8",
                            "SHOAL_STATE": self.node.state, "COLUMNS": "200"}
        os.makedirs(self.environment["HOME"])

    def check(self, shell):
        """The same in each shell: what a single candidate makes of the line."""
        expected = {
            "shoal stat": ["shoal", "status"],
            "shoal channel rol": ["shoal", "channel", "rollback"],
            "shoal node run --metr": ["shoal", "node", "run", "--metrics"],
            "shoal seed --directed y": ["shoal", "seed", "--directed", "yes"],
            "shoal seed --directed=n": ["shoal", "seed", "--directed=no"],
            "shoal pull --log-level w": ["shoal", "pull", "--log-level", "warn"],
            "shoal token create --role se": ["shoal", "token", "create", "--role", "seeder"],
            "shoal node run --hook sys": ["shoal", "node", "run", "--hook", "systemd:"],
            "shoal config show tr": ["shoal", "config", "show", "tracker"],
            "shoal unfollow acme/whi": ["shoal", "unfollow", "acme/whisper:canary"],
            "shoal unfollow acme/whisper:c": ["shoal", "unfollow", "acme/whisper:canary"],
            "shoal pin acme/llama@": ["shoal", "pin", "acme/llama@1.0"],
            "shoal unpin a": ["shoal", "unpin", "acme/llama@1.0"],
            "shoal channel list acme/l": ["shoal", "channel", "list", "acme/llama"],
            f"shoal key create {self.fleet.directory}/mod": ["shoal", "key", "create", f"{self.fleet.directory}/model"],
            f"shoal status --state {self.fleet.directory}/mod": ["shoal", "status", "--state", f"{self.fleet.directory}/model"],
        }
        for typed, words in expected.items():
            with self.subTest(typed=typed):
                self.assertEqual([word.rstrip("/") for word in shell.line_after_tab(typed)], words)
        listed = shell.listed_after_tabs("shoal channel ")
        for word in ("history", "list", "renew", "rollback", "set"):
            self.assertIn(word, listed)

    @unittest.skipIf(shutil.which("bash") is None, "there is no bash")
    def test_bash(self):
        shell = bash_shell(self.environment)
        self.addCleanup(shell.close)
        self.check(shell)

    @unittest.skipIf(shutil.which("zsh") is None, "there is no zsh")
    def test_zsh(self):
        shell = zsh_shell(self.environment)
        self.addCleanup(shell.close)
        self.check(shell)
        self.assertIn("sign the pointers of channels", shell.listed_after_tabs("shoal channel "))

    def test_names_take_no_longer_than_a_key(self):
        begun = time.monotonic()
        for _ in range(10):
            done = subprocess.run(["shoal", "--complete", "pull", "ac"], capture_output=True, text=True, env=self.environment, check=True)
        self.assertLess((time.monotonic() - begun) / 10, 0.2)
        self.assertEqual(done.stdout.split(), ["acme/llama", "acme/llama@1.0", "acme/whisper", "acme/whisper:canary"])

    def test_a_state_that_cannot_be_read_completes_nothing_and_says_nothing(self):
        with tempfile.TemporaryDirectory() as empty:
            done = subprocess.run(["shoal", "--complete", "pull", "--state", os.path.join(empty, "none"), ""], capture_output=True, text=True,
                                  env=self.environment, check=True)
        self.assertEqual((done.stdout, done.stderr), ("", ""))


if __name__ == "__main__":
    unittest.main()
