"""Hosts as network namespaces, each behind a link that is shaped in both directions.

    tracker, source, node1 .. nodeN ── veth, tbf at both ends ── bridge (one per site; bridges are joined by a shaped link)

Rates are in Mbit/s of Ethernet frames. Everything lies inside namespaces whose names begin with `fanout-`, so that a later run can remove what
a crashed one left. Only one lab exists on a machine at a time: a lock sees to it.
"""
import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time

PREFIX = "fanout-"
WORK_PREFIX = "shoal-fanout-"
SWITCH = PREFIX + "switch"
LOCK = "/run/lock/shoal-fanout.lock"
CLONE_NEWNET = 0x40000000
TOOLS = ("ip", "tc", "bridge", "ethtool", "nsenter", "flock")


class CannotRun(Exception):
    """This machine cannot run a lab; the message says why and what would help."""


def sh(*words, check=True):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def require_root_and_tools():
    if os.geteuid() != 0:
        raise CannotRun("network namespaces need root: run it with sudo")
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        raise CannotRun(f"{', '.join(missing)} missing: run scripts/install-deps.sh --bench")


def take_lock(patience):
    """Held until the process ends. Two labs at once would slow each other down and remove each other's hosts."""
    os.makedirs(os.path.dirname(LOCK), exist_ok=True)
    lock = os.open(LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except BlockingIOError:
            if time.monotonic() > end:
                raise CannotRun(f"another fan-out holds {LOCK} for more than {patience:.0f} s: wait until it has ended") from None
            time.sleep(0.2)


def existing():
    return [line.split()[0] for line in sh("ip", "netns", "list", check=False).splitlines() if line.startswith(PREFIX)]


def remove_all():
    """Ends all processes in our namespaces, and removes them. Call it with the lock held."""
    for name in existing():
        for pid in sh("ip", "netns", "pids", name, check=False).split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        sh("ip", "netns", "del", name, check=False)


def remove_directory_of_a_killed_run(lock):
    """A run notes its temporary directory in the lock file for as long as it lives."""
    noted = os.pread(lock, 4096, 0).decode("utf-8", "replace")
    if os.path.dirname(noted) == tempfile.gettempdir() and os.path.basename(noted).startswith(WORK_PREFIX):
        shutil.rmtree(noted, ignore_errors=True)
    os.ftruncate(lock, 0)


def open_in_namespace(name, path):
    """Opens a file of /proc/thread-self as that namespace shows it. It keeps showing that namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net", encoding="ascii") as ours, open(f"/run/netns/{name}", encoding="ascii") as theirs:
        if libc.setns(theirs.fileno(), CLONE_NEWNET) != 0:
            raise CannotRun(f"cannot enter namespace {name}: {os.strerror(ctypes.get_errno())}")
        try:
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        finally:
            libc.setns(ours.fileno(), CLONE_NEWNET)


class Lab:
    """`rates` maps each host to Mbit/s, or None for a link that is not shaped; `sites` maps a host to 0 or 1 (0 if it is not there).
    `temporary` is a directory that the next run removes if this one is killed."""

    def __init__(self, rates, sites=None, isolated=(), site_mbit=None, temporary="", patience=600.0):
        require_root_and_tools()
        self.rates = rates
        self.hosts = list(rates)
        self._sites = sites or {}
        self._isolated = set(isolated)
        self._site_mbit = site_mbit
        self._counters = None
        self._lock = take_lock(patience)
        remove_all()
        remove_directory_of_a_killed_run(self._lock)
        os.pwrite(self._lock, temporary.encode(), 0)

    def __enter__(self):
        try:
            self._switch()
            for number, host in enumerate(self.hosts):
                self._connect(host, number)
            self._counters = open_in_namespace(SWITCH, "/proc/thread-self/net/dev")
        except RuntimeError as error:
            remove_all()
            raise CannotRun(f"cannot make network namespaces: {error}") from None
        return self

    def __exit__(self, kind, error, trace):
        self.close()

    def close(self):
        if self._counters is not None:
            os.close(self._counters)
            self._counters = None
        remove_all()
        os.ftruncate(self._lock, 0)
        os.close(self._lock)

    # --- making it ---

    def _namespace(self, name):
        sh("ip", "netns", "add", name)
        sh("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1", check=False)

    def _switch(self):
        self._namespace(SWITCH)
        for bridge in ("br0", "br1") if self._sites else ("br0",):
            sh("ip", "-n", SWITCH, "link", "add", bridge, "type", "bridge")
            sh("ip", "-n", SWITCH, "link", "set", bridge, "up")
        if self._sites:
            sh("ip", "-n", SWITCH, "link", "add", "between0", "type", "veth", "peer", "name", "between1")
            for side in (0, 1):
                self._plug(f"between{side}", f"br{side}", self._site_mbit)

    def _plug(self, port, bridge, rate):
        sh("ip", "-n", SWITCH, "link", "set", port, "master", bridge, "up")
        self._shape(SWITCH, port, rate)

    def _connect(self, host, number):
        name, port = PREFIX + host, f"p-{host}"
        self._namespace(name)
        sh("ip", "link", "add", "e0", "netns", name, "type", "veth", "peer", "name", port, "netns", SWITCH)
        sh("ip", "-n", name, "addr", "add", f"{self.address(host)}/16", "dev", "e0")
        sh("ip", "-n", name, "link", "set", "e0", "up")
        sh("ip", "-n", name, "link", "set", "lo", "up")
        self._plug(port, f"br{self._sites.get(host, 0)}", self.rates[host])
        self._shape(name, "e0", self.rates[host])
        if host in self._isolated:
            sh("bridge", "-n", SWITCH, "link", "set", "dev", port, "isolated", "on")

    @staticmethod
    def _shape(namespace, device, rate):
        """Turns offloads off, so that the lab shapes and counts frames as a wire carries them."""
        sh("ip", "netns", "exec", namespace, "ethtool", "-K", device, "tso", "off", "gso", "off", "gro", "off", check=False)
        if rate:
            burst = max(32, int(rate * 1.5))
            sh("tc", "-n", namespace, "qdisc", "add", "dev", device, "root", "tbf", "rate", f"{rate}mbit", "burst", f"{burst}kb", "latency", "50ms")

    # --- using it ---

    def address(self, host):
        number = self.hosts.index(host)
        return f"10.99.{number // 200}.{number % 200 + 1}"

    @staticmethod
    def command(host, argv, gate=None):
        """argv inside the host; with a gate it starts when the gate opens."""
        inside = ["nsenter", f"--net=/run/netns/{PREFIX}{host}"]
        held = ["sh", "-c", 'flock -s "$0" true; exec "$@"', gate.path] if gate else []
        return inside + held + list(map(str, argv))

    def _read_counters(self):
        """The kernel hands it out a page at a time."""
        os.lseek(self._counters, 0, os.SEEK_SET)
        return b"".join(iter(lambda: os.read(self._counters, 1 << 16), b"")).decode()

    def counters(self):
        """{host: (bytes sent, packets sent, bytes received, packets received)} and the same for the link between sites as 'between'."""
        found = {}
        for line in self._read_counters().splitlines()[2:]:
            port, numbers = line.split(":", 1)
            fields = numbers.split()
            values = (int(fields[0]), int(fields[1]), int(fields[8]), int(fields[9]))
            port = port.strip()
            if port.startswith("p-"):
                found[port[2:]] = values
            elif port == "between0":
                found["between"] = values
        return found


class Gate:
    """A file whose lock holds processes back until all can start at once."""

    def __init__(self, path):
        self.path = path
        self._file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def open(self):
        """Returns the time at which it opened."""
        now = time.time()
        if self._file is not None:
            os.close(self._file)
            self._file = None
        return now
