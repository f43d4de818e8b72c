"""The common parts of the systems under test, and the list of them.

The lab calls `begin` (tracker and source run and are ready), starts nodes (held back by a gate), and ends the system. Every node and the
source serve until the end. A node is complete when its own program says so: all bytes are there and checked.
"""
import contextlib
import os
import shutil
import signal
import subprocess
import time

KIB = 1024


class SystemFailed(Exception):
    """A system failed; the message shows its last output."""


def tail(path, size=1500):
    with contextlib.suppress(OSError), open(path, "rb") as file:
        file.seek(max(0, os.path.getsize(path) - size))
        return file.read().decode("utf-8", "replace").strip()
    return ""


class Program:
    """A process whose output goes to a file, in its own process group, so that its children end with it."""

    def __init__(self, argv, log, environment=None):
        self.log = log
        with open(log, "ab") as output:
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
                                             env=dict(os.environ, **(environment or {})))

    @property
    def pid(self):
        return self._process.pid

    @property
    def exit_code(self):
        return self._process.poll()

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class MarkedNode:
    """A node whose program creates a file when it is complete."""

    def __init__(self, program, mark, directory):
        self._program = program
        self._mark = mark
        self.directory = directory

    def completed_at(self):
        """Seconds since the epoch, or None. Raises SystemFailed if it can no longer become complete."""
        with contextlib.suppress(FileNotFoundError):
            return os.stat(self._mark).st_mtime_ns / 1e9
        if self._program.exit_code is not None:
            raise SystemFailed(f"a node ended with exit code {self._program.exit_code}: {tail(self._program.log)}")
        return None

    def claims(self):
        return {}


class System:
    """The interface that a run uses. `payload` is a directory whose content each node must have at the end."""

    def __init__(self, name, lab, directory, payload, piece_kib):
        self.name = name
        self.lab = lab
        self.directory = directory
        self.payload = payload
        self.piece_kib = piece_kib
        self.nodes = {}
        os.makedirs(directory, exist_ok=True)

    def prepare(self):
        """Runs once, before the first run."""

    def begin(self):
        """Starts tracker and source; returns when both are ready."""
        raise NotImplementedError

    def start_node(self, host, gate):
        """Starts a program that the gate holds back, and returns an object with `completed_at()` and `directory`."""
        raise NotImplementedError

    def end(self):
        """Ends all processes and removes the nodes' files."""
        raise NotImplementedError

    def pids(self):
        """The ids of all its running processes."""
        raise NotImplementedError

    def piece_bytes(self):
        return (self.piece_kib or 128) * KIB

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def fresh(self, *parts):
        """An empty directory."""
        path = self.path(*parts)
        shutil.rmtree(path, ignore_errors=True)
        os.makedirs(path)
        return path


def wait_until(what, condition, deadline=30.0):
    end = time.monotonic() + deadline
    while not condition():
        if time.monotonic() > end:
            raise SystemFailed(f"{what}: not within {deadline:.0f} s")
        time.sleep(0.02)
