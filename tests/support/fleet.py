"""Drives a fleet of real shoal processes on loopback, for the end-to-end tests and for scripts/quickstart.py.

    with Fleet() as fleet:
        fleet.init()
        fleet.start_tracker()
        source = fleet.join("source", role="seeder")
        fleet.publish(source, "/models/llama", "acme/llama", "1.0")
        fleet.start_seeder(source)
        node = fleet.join("node1")
        report = fleet.pull(node, "acme/llama@1.0").complete()

Nothing sleeps: every wait is for an event or an exit, with a deadline in seconds. Whatever happens (an exception, Ctrl-C, SIGTERM) the
processes that were started are ended, by the ids they were started with. After a failure the logs stay, and the message says where.
Standard library only, Python 3.11.
"""
import atexit
import base64
import collections
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

START = 30.0  # seconds for a service to be ready, or for a short command
FETCH = 300.0  # seconds for a fetch
STOP = 15.0  # seconds to end politely

Completed = collections.namedtuple("Completed", "code events text errors")
Member = collections.namedtuple("Member", "name role state")


class FleetError(Exception):
    """Something did not happen; the message names the process and shows the end of its log."""


def default_binary():
    """$SHOAL, or the newest build of this checkout."""
    if os.environ.get("SHOAL"):
        return os.environ["SHOAL"]
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    builds = [os.path.join(root, "build", name, "bin", "shoal") for name in ("release", "dev", "asan", "tsan")]
    found = [path for path in builds if os.path.exists(path)]
    if not found:
        raise FleetError("no shoal binary: set SHOAL to its path, or build one with cmake --build --preset release --target shoal")
    return max(found, key=os.path.getmtime)


def free_port():
    """A port nobody listens on, from below the range that the kernel gives to outgoing connections."""
    for _ in range(200):
        port = random.randrange(20000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise FleetError("no free port between 20000 and 32000")


def clean_environment():
    """Without SHOAL_*, which would be taken for options."""
    return {key: value for key, value in os.environ.items() if not key.startswith("SHOAL_")}


def signed_release(state, release):
    """The signed payload of a release that a node has, by its id."""
    with open(os.path.join(state, "manifests", release + ".json"), encoding="utf-8") as file:
        return json.loads(base64.b64decode(json.load(file)["payload"]))


def tail(path, lines=20):
    with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as log:
        return "".join(collections.deque(log, lines))
    return ""


class Process:
    """One running shoal with --json: its lines of stdout become events, its stderr goes to a file."""

    def __init__(self, name, command, log_path, environment=None):
        self.name = name
        self.command = command
        self.log_path = log_path
        self.events = []
        self.heard = []  # seconds from the start to each event
        self.text = []  # lines of stdout that are not JSON
        self._ended = False
        self._changed = threading.Condition()
        self.started = time.monotonic()
        # A session of its own: Ctrl-C reaches us only, and we end the fleet in order.
        with open(log_path, "ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                                             env=clean_environment() | (environment or {}), start_new_session=True)
        self._reader = threading.Thread(target=self._read, name=f"reader of {name}", daemon=True)
        self._reader.start()

    @property
    def pid(self):
        return self._process.pid

    @property
    def running(self):
        return self._process.poll() is None

    def _read(self):
        with self._process.stdout as lines:
            for raw in lines:
                self._take(raw.decode("utf-8", "replace").rstrip("\n"))
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _take(self, line):
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        with self._changed:
            if isinstance(event, dict):
                self.events.append(event)
                self.heard.append(time.monotonic() - self.started)
            else:
                self.text.append(line)
            self._changed.notify_all()

    def last(self, kind):
        """The latest event of a type, or None."""
        with self._changed:
            return next((event for event in reversed(self.events) if event.get("type") == kind), None)

    def wait_event(self, kind, deadline=START, where=lambda event: True):
        """The first event of the type that fits; fails when the process ends or the deadline passes without one."""
        def found():
            return next((event for event in self.events if event.get("type") == kind and where(event)), None)

        with self._changed:
            self._changed.wait_for(lambda: found() or self._ended, timeout=deadline)
            event, ended = found(), self._ended
        if event is None:
            raise self._failure(f"ended without '{kind}'" if ended else f"said no '{kind}' within {deadline:.0f} s")
        return event

    def settled(self, kind, deadline):
        """Waits until an event of the type is there or none can come any more; False when neither happened in time."""
        def present():
            return any(event.get("type") == kind for event in self.events)

        with self._changed:
            return bool(self._changed.wait_for(lambda: present() or self._ended, timeout=deadline))

    def wait(self, deadline=START):
        """The exit code."""
        try:
            code = self._process.wait(timeout=deadline)
        except subprocess.TimeoutExpired:
            raise self._failure(f"still runs after {deadline:.0f} s") from None
        self._reader.join(timeout=STOP)
        return code

    def complete(self, deadline=FETCH):
        """The event that a pull reports when every file is verified and visible."""
        return self.wait_event("complete", deadline)

    def send(self, number=signal.SIGINT):
        self._process.send_signal(number)

    def kill(self):
        """kill -9, and waits until the process is gone."""
        self._process.kill()
        self.wait(STOP)

    def stop(self, number=signal.SIGTERM):
        """Ends it politely, by force after a while; returns the exit code."""
        if self.running:
            self.send(number)
        return self.finish()

    def finish(self):
        """For a process that was signalled: a second signal would cut its own cleaning up short."""
        try:
            return self.wait(STOP)
        except FleetError:
            self.kill()
            return self._process.returncode

    def _failure(self, what):
        errors = [event.get("message", "") for event in self.events if event.get("type") == "error"]
        code = self._process.poll()
        state = "" if code is None else f" (exit code {code})"
        said = "".join(f"\n  error: {message}" for message in errors)
        command = " ".join(self.command)
        return FleetError(f"{self.name} {what}{state}{said}\n  command: {command}\n  log: {self.log_path}\n{tail(self.log_path)}")


class Fleet:
    """A directory with one state directory per machine, and the processes that run in it."""

    def __init__(self, directory=None, shoal=None, keep=False):
        self.shoal = os.path.abspath(shoal or default_binary())
        self._own_directory = directory is None
        self.directory = os.path.abspath(directory or tempfile.mkdtemp(prefix="shoal-fleet-"))
        self.logs = os.path.join(self.directory, "logs")
        os.makedirs(self.logs, exist_ok=True)
        self.keep = keep
        self.environment = {}  # of every command, beside what each is given
        self.port = None
        self.tracker = None
        self.members = {}
        self._processes = []
        self._log_number = 0
        self._old_handlers = {}
        atexit.register(self.close)

    # --- life ---

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGHUP):
                self._old_handlers[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, kind, error, trace):
        stopped = kind is not None and issubclass(kind, (KeyboardInterrupt, SystemExit))
        self.keep = self.keep and kind is None
        self.close(failed=kind is not None and not stopped)

    @staticmethod
    def _on_signal(number, frame):
        raise SystemExit(128 + number)

    def close(self, failed=False):
        """Ends everything that still runs and removes the directory; after a failure the logs stay. With `keep` all stays."""
        atexit.unregister(self.close)
        for number, handler in self._old_handlers.items():
            signal.signal(number, handler)
        self._old_handlers = {}
        if self.keep:
            return
        with self._undisturbed():
            self.stop_all()
            if self._own_directory:
                self._remove(failed)

    @contextlib.contextmanager
    def _undisturbed(self):
        """An impatient second Ctrl-C must not leave processes behind; everything in here has a deadline."""
        main = threading.current_thread() is threading.main_thread()
        saved = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)} if main else {}
        try:
            yield
        finally:
            for number, handler in saved.items():
                signal.signal(number, handler)

    def stop_all(self):
        """Stops the latest first: nodes, then the seeder, then the tracker. The tracker is stopped when all others have ended."""
        others = [process for process in reversed(self._processes) if process.running and process is not self.tracker]
        for process in others:
            process.send(signal.SIGTERM)
        for process in others:
            process.finish()
        if self.tracker:
            self.tracker.stop()
        self._processes = []

    def _remove(self, failed):
        if not failed:
            shutil.rmtree(self.directory, ignore_errors=True)
            return
        for name in os.listdir(self.directory):
            path = os.path.join(self.directory, name)
            if path != self.logs:
                shutil.rmtree(path, ignore_errors=True)
        print(f"logs of the failed fleet: {self.logs}", flush=True)

    @property
    def running(self):
        return [process for process in self._processes if process.running]

    # --- starting things ---

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def _log(self, name):
        self._log_number += 1
        return os.path.join(self.logs, f"{self._log_number:03}-{name}.log")

    def with_failpoints(self):
        """The same program, linked with what makes failpoints go off; it lies beside the one that users run."""
        binary = self.shoal + "_with_failpoints"
        if not os.path.exists(binary):
            raise FleetError(f"no {binary}: build it with cmake --build --preset release --target shoal_with_failpoints")
        return binary

    def start(self, name, *words, environment=None, binary=None):
        """Any shoal command with --json, in the background; `environment` is added to ours."""
        if not binary:
            binary = self.with_failpoints() if "SHOAL_FAILPOINT" in (environment or {}) else self.shoal
        process = Process(name, [binary, *map(str, words), "--json"], self._log(name), self.environment | (environment or {}))
        self._processes.append(process)
        return process

    def run(self, *words, deadline=START, check=True, environment=None):
        """Any shoal command with --json, to its end. With `check` an exit code other than 0 is an error."""
        name = "-".join(word for word in map(str, words[:2]) if word.isalpha()) or "shoal"
        process = self.start(name, *words, environment=environment)
        code = process.wait(deadline)
        self._processes.remove(process)
        if check and code != 0:
            raise process._failure("failed")
        return Completed(code, process.events, "\n".join(process.text), tail(process.log_path, 200))

    def killed_at(self, place, *words):
        """Any shoal command, which must die at the failpoint."""
        process = self.start("killed", *words, environment={"SHOAL_FAILPOINT": place})
        code = process.wait(START)
        self._processes.remove(process)
        if code != -signal.SIGKILL:
            raise process._failure(f"was to die at {place}")

    # --- the fleet ---

    def init(self):
        """A new fleet, whose tracker will have a free port of its own."""
        self.port = free_port()
        url = f"https://127.0.0.1:{self.port}"
        self.run("fleet", "init", "--state", self.path("tracker"), "--keys", self.path("keys"), "--tracker", url)

    def start_tracker(self, *extra):
        """Starts it, even after a stop: the port stays, since the tokens and certificates name it."""
        listen = f"127.0.0.1:{self.port}"
        self.tracker = self.start("tracker", "tracker", "run", "--state", self.path("tracker"), "--listen", listen, *extra)
        self.tracker.wait_event("ready")
        return self.tracker

    def page_link(self):
        """A link that opens the page of a tracker that was started with --page, once."""
        return next(event["link"] for event in self.run("page", "--state", self.path("tracker")).events if event["type"] == "page")

    def token(self, role="node", *extra):
        """A join token, as its command prints it without --json."""
        command = [self.shoal, "token", "create", "--state", self.path("tracker"), "--role", role, *map(str, extra)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=START, env=clean_environment() | self.environment, check=False)
        if done.returncode != 0:
            raise FleetError(f"token create failed (exit code {done.returncode}): {done.stderr.strip()}")
        return done.stdout.strip().splitlines()[-1]

    def join(self, name, role="node", token=None, *extra):
        member = Member(name, role, self.path(name))
        secret = {"SHOAL_TOKEN": token or self.token(role)}  # not among the arguments, which all users can read
        self.run("join", "--state", member.state, "--name", name, *extra, environment=secret)
        self.members[name] = member
        return member

    def publish(self, member, source, model, version, *extra, channel=None, deadline=FETCH, check=True):
        """Signs with the fleet's publisher key. Returns the event 'published', or with check=False what `run` returns."""
        key = self.path("keys", "publisher.key")
        words = ["publish", source, f"{model}@{version}", "--state", member.state, "--key", key]
        if channel:
            words += ["--channel", channel]
        done = self.run(*words, *extra, deadline=deadline, check=check)
        return next(event for event in done.events if event["type"] == "published") if check else done

    def start_seeder(self, member, *extra):
        seeder = self.start(f"seed-{member.name}", "seed", "--state", member.state, "--listen", "127.0.0.1:0", *extra)
        seeder.wait_event("seeding")
        return seeder

    def pull(self, member, ref, *extra, to=None, seed_for=None, environment=None):
        """A fetch in the background: `.complete()` waits for its report, `.wait()` for its end."""
        words = ["pull", ref, "--state", member.state, "--listen", "127.0.0.1:0"]
        if to:
            words += ["--to", to]
        if seed_for:
            words += ["--seed-for", seed_for]
        return self.start(f"pull-{member.name}", *words, *extra, environment=environment)

    def start_node(self, member, *extra, environment=None):
        """`node run`; says "running", then "fetched", "activated" and "failed" as they happen."""
        node = self.start(f"node-{member.name}", "node", "run", "--state", member.state, "--listen", "127.0.0.1:0", *extra, environment=environment)
        node.wait_event("running")
        return node

    def verify(self, member, ref, *extra, deadline=FETCH, check=True):
        return self.run("verify", ref, "--state", member.state, *extra, deadline=deadline, check=check)
