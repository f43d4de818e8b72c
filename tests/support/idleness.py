"""How much machines do that have nothing to do: wake-ups, processor time, connections. Linux, standard library only."""
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import time

SKIP = 77
TICKS = os.sysconf("SC_CLK_TCK")


def wakeups(pid):
    """How often the threads of a process that live now went to sleep and were woken."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii", errors="replace") as status:
            total += next(int(line.split()[1]) for line in status if line.startswith("voluntary_ctxt_switches"))
    return total


def wakeups_by_thread(pid):
    """The same by thread, for a person who looks for a timer."""
    found = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii", errors="replace") as status:
            found[int(task)] = next(int(line.split()[1]) for line in status if line.startswith("voluntary_ctxt_switches"))
    return found


def cpu_seconds(pid):
    """Processor time of a process, to the nanosecond where the kernel says it."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as stat:
            total += int(stat.read().split()[0])
    return total / 1e9


def connections_opened():
    """TCP connections that were begun in this network namespace."""
    with open("/proc/self/net/snmp", encoding="ascii") as snmp:
        names, values = [line.split() for line in snmp if line.startswith("Tcp:")]
    return int(values[names.index("ActiveOpens")])


class Watch:
    """The work of some processes since this object was made."""

    def __init__(self, *pids):
        self.pids = pids
        self.start = time.monotonic()
        self.connections = connections_opened()
        self.before = {pid: (wakeups(pid), cpu_seconds(pid)) for pid in pids}

    def look(self):
        """{pid: (wake-ups a second, percent of a core)}, connections of the whole namespace, seconds."""
        took = time.monotonic() - self.start
        after = {pid: (wakeups(pid), cpu_seconds(pid)) for pid in self.pids}
        rates = {pid: ((after[pid][0] - before[0]) / took, 100 * (after[pid][1] - before[1]) / took) for pid, before in self.before.items()}
        return rates, connections_opened() - self.connections, took


def _loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh14x", b"lo", 0x1 | 0x40)  # IFF_UP | IFF_RUNNING
        fcntl.ioctl(control, 0x8914, request)  # SIOCSIFFLAGS


def in_a_network_of_its_own():
    """Starts the program again in a network namespace where nobody else is, so that connections can be counted. Ends it with code 77 and a
    reason where that is not possible."""
    if os.environ.get("OWN_NETWORK"):
        _loopback_up()
        return
    command = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--net"]
    if not shutil.which("unshare") or subprocess.run([*command, "true"], capture_output=True, check=False).returncode != 0:
        print("skipped: no network namespace can be made here (as root, or with user namespaces)", file=sys.stderr)
        raise SystemExit(SKIP)
    os.environ["OWN_NETWORK"] = "1"
    os.execvp(command[0], [*command, sys.executable, *sys.argv])
