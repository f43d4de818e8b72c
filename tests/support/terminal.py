"""A real terminal of a chosen width: tmux, on a server of its own."""
import os
import shlex
import shutil
import subprocess
import time


def missing():
    """Why there is none; "" where there is."""
    return "" if shutil.which("tmux") else "there is no tmux"


class Terminal:
    """Runs a command line in a window of `columns` x 24; `screen` is what a person sees."""

    def __init__(self, directory, name, columns, command, environment=None):
        self._socket = os.path.join(directory, f"tmux-{name}")
        variables = [word for key, value in (environment or {}).items() for word in ("-e", f"{key}={value}")]
        self._tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", "24", *variables, f"sh -c {shlex.quote(command)}")

    def _tmux(self, *words):
        # Without a terminal of its own around it: a server inside another tmux would refuse.
        outside = {key: value for key, value in os.environ.items() if not key.startswith(("TMUX", "SHOAL_"))}
        done = subprocess.run(["tmux", "-S", self._socket, *words], capture_output=True, text=True, env=outside | {"LC_ALL": "C.UTF-8"}, check=True)
        return done.stdout

    def resize(self, columns):
        self._tmux("resize-window", "-x", str(columns), "-y", "24")

    def screen(self, colours=False):
        """The lines with text. Not the history: tmux moves lines there when it wraps others, and nothing can take them back."""
        shown = self._tmux("capture-pane", "-p", *(["-e"] if colours else []))
        return [line.rstrip() for line in shown.split("\n") if line.strip()]

    def wait(self, what, deadline=30.0):
        """The lines of the first screen of which `what` is true."""
        end = time.monotonic() + deadline
        while time.monotonic() < end:
            lines = self.screen()
            if what(lines):
                return lines
            time.sleep(0.05)
        raise AssertionError(f"the terminal never showed it; it shows {self.screen()}")

    def close(self):
        self._tmux("kill-server")
