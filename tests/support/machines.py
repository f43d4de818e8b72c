"""A few machines on one wire: namespaces with their own addresses, host name, /etc, /var/lib, /root and /mnt. Needs root.

    enter_or_skip()                       # first; then cases.main_side_by_side, so that each test has namespaces of its own
    with Machines(["control", "nas", "gpu1"], directory) as machines:
        machines["control"].run("shoal", "fleet", "init", ...)
        service = machines["nas"].start("shoal", "seed")

Everything lies in the test's own namespaces and below `directory`, so that it vanishes with the test. Standard library only.
"""
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

SKIP = 77
ENTERED = "--on-own-machines"
OWN_NAMESPACES = ["unshare", "--net", "--mount", "--uts"]
COPIED = "/etc"
EMPTY = ("/var/lib", "/var/tmp", "/root", "/mnt", "/srv")


def why_not():
    """The reason where no machines can be made."""
    missing = [tool for tool in ("ip", "unshare", "nsenter", "mount", "hostname") if not shutil.which(tool)]
    if missing:
        return f"there is no {', '.join(missing)}"
    if os.geteuid() != 0:
        return "machines of namespaces need root"
    probe = subprocess.run([*OWN_NAMESPACES, "ip", "link", "add", "name", "wire", "type", "bridge"], check=False, capture_output=True, text=True)
    return f"namespaces cannot be made here: {probe.stderr.strip()}" if probe.returncode != 0 else None


def enter_or_skip():
    """Returns in the process that runs one test in namespaces of its own, or in the one that starts those; skips where neither can be."""
    if ENTERED in sys.argv:
        sys.argv.remove(ENTERED)
        return
    if reason := why_not():
        print(f"skipped: {reason}")
        sys.exit(SKIP)
    if len(sys.argv) > 1:
        os.execvp(OWN_NAMESPACES[0], [*OWN_NAMESPACES, sys.executable, *sys.argv, ENTERED])


class Running:
    """A program on a machine, its output line by line."""

    def __init__(self, command, environment):
        self.command, self.lines = command, []
        self._changed = threading.Condition()
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                         errors="replace", env=environment, start_new_session=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        with self._process.stdout as lines:
            for line in lines:
                with self._changed:
                    self.lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    @property
    def pid(self):
        return self._process.pid

    @property
    def code(self):
        """None while it runs."""
        return self._process.poll()

    def said(self, word):
        with self._changed:
            return any(word in line for line in self.lines)

    def wait_for(self, word, seconds=30):
        """Fails where the program ends, or stays silent, without the word."""
        end = time.monotonic() + seconds
        while not self.said(word):
            with self._changed:
                self._changed.wait(0.1)
            if (self.code is not None and not self._reader.is_alive() and not self.said(word)) or time.monotonic() > end:
                raise AssertionError(f"'{' '.join(self.command)}' did not say '{word}' (exit code {self.code}):\n" + "\n".join(self.lines))

    def stop(self, number=signal.SIGTERM):
        if self.code is None:
            self._process.send_signal(number)
        try:
            code = self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._reader.join(5)
        return code


class Machine:
    def __init__(self, name, number, machines):
        self.name, self.number = name, number
        self.address, self.address6 = f"10.99.0.{number}", f"fd99::{number}"
        self._machines = machines
        self.files = os.path.join(machines.directory, "machines", name)  # what is the machine's own, as seen from outside
        setup = ["mount --make-rprivate /"]
        for place in (COPIED, *EMPTY):
            own = self.files + place
            if place == COPIED:
                shutil.copytree(place, own, symlinks=True, ignore_dangling_symlinks=True)
            else:
                os.makedirs(own)
                os.chmod(own, os.stat(place).st_mode & 0o7777 if os.path.isdir(place) else 0o755)
            if os.path.isdir(place):
                setup.append(f"mount --bind {own} {place}")
        setup += [f"hostname {name}", "echo ready", "exec sleep infinity"]
        words = ["unshare", "--net", "--mount", "--uts", "sh", "-ec", "\n".join(setup)]
        self._holder = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        if self._holder.stdout.readline().strip() != "ready":
            raise AssertionError(f"machine {name} cannot be made")
        self.enter = ["nsenter", "-t", str(self._holder.pid), "-n", "-m", "-u"]

    def write(self, path, text):
        """Into the machine's own /etc, /root and so on."""
        inside = self.files + path
        os.makedirs(os.path.dirname(inside), exist_ok=True)
        with open(inside, "w", encoding="utf-8") as file:
            file.write(text)
        return inside

    def run(self, *words, check=True, stdin="", seconds=60, directory="/"):
        """To its end; what it said on both streams."""
        done = subprocess.run([*self.enter, f"--wd={directory}", *map(str, words)], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=seconds, env=self._machines.environment, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"{self.name}: '{' '.join(map(str, words))}' ended with {done.returncode}:\n{done.stdout}")
        return done

    def start(self, *words, directory="/"):
        running = Running([*self.enter, f"--wd={directory}", *map(str, words)], self._machines.environment)
        self._machines.started.append(running)
        return running

    def end(self):
        self._holder.kill()
        self._holder.wait()
        self._holder.stdout.close()


class Machines:
    """`ipv4` and `ipv6` say which addresses the wire has; `names` are further host names: {name: [address]}."""

    def __init__(self, names, directory, ipv4=True, ipv6=True, hosts=None, path=""):
        self.directory = directory
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("SHOAL")}
        self.environment["PATH"] = path + os.pathsep + os.environ["PATH"]
        self.environment.update(HOME="/root", LC_ALL="C.UTF-8")
        self.started = []
        self._machines = {}
        self._ip("link", "add", "name", "wire", "type", "bridge")
        self._ip("link", "set", "wire", "up")
        for number, name in enumerate(names, 1):
            machine = self._machines[name] = Machine(name, number, self)
            self._connect(machine, ipv4, ipv6)
        known = [f"{address} {name}\n" for name, addresses in (hosts or {}).items() for address in addresses]
        for machine in self:
            machine.write("/etc/hosts", "127.0.0.1 localhost\n" + "".join(known))

    def _ip(self, *words, namespace=()):
        subprocess.run([*namespace, "ip", *words], check=True, capture_output=True, timeout=30)

    def _connect(self, machine, ipv4, ipv6):
        plug, inside = f"plug{machine.number}", machine.enter[:4]
        self._ip("link", "add", plug, "type", "veth", "peer", "name", "eth0", "netns", machine.enter[2])
        self._ip("link", "set", plug, "master", "wire", "up")
        for device in ("lo", "eth0"):
            self._ip("link", "set", device, "up", namespace=inside)
        if ipv4:
            self._ip("addr", "add", f"{machine.address}/24", "dev", "eth0", namespace=inside)
        if ipv6:
            self._ip("addr", "add", f"{machine.address6}/64", "dev", "eth0", "nodad", namespace=inside)

    def __getitem__(self, name):
        return self._machines[name]

    def __iter__(self):
        return iter(self._machines.values())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for running in reversed(self.started):
            running.stop()
        for machine in self:
            machine.end()
        subprocess.run(["ip", "link", "del", "wire"], check=False, capture_output=True)
