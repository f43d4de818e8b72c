"""Other BitTorrent clients, as packaged by Debian: in plaintext, with one small tracker, and otherwise their defaults.

Nothing is announced beyond the lab (no DHT, no local discovery, no port mapping), uTP is off where it can be (on links like these it is slower than
TCP), and everybody goes on serving when complete. A node's program makes a file when it is complete.
"""
import json
import os
import shutil
import subprocess
import sys

from .systems import KIB, MarkedNode, Program, System, SystemFailed, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
TRACKER_PORT = 6969
PEER_PORT = 6881


def python_with_libtorrent():
    """Debian's package needs Debian's interpreter, which may not be the one that runs this."""
    for python in (sys.executable, "/usr/bin/python3"):
        if os.path.exists(python) and subprocess.run([python, "-c", "import libtorrent"], capture_output=True, check=False).returncode == 0:
            return python
    return None


def needs(*programs):
    return [program for program in programs if not shutil.which(program)]


class Torrent(System):
    """A client adds `command(host, data, seeding, mark)`, which returns (argv, environment)."""

    def prepare(self):
        self.torrent = self.path("fanout.torrent")
        announce = f"http://{self.lab.address('tracker')}:{TRACKER_PORT}/announce"
        made = subprocess.run(["transmission-create", "-s", str(self.piece_bytes() // KIB), "-t", announce, "-o", self.torrent, self.payload],
                              capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise SystemFailed(f"transmission-create: {made.stderr.strip()}")

    def begin(self):
        self.fresh("run")
        self._programs = []
        tracker = [sys.executable, os.path.join(HERE, "http_tracker.py"), self.lab.address("tracker"), str(TRACKER_PORT), self.path("run", "tracker-ready")]
        self._start("tracker", tracker)
        wait_until("the tracker", lambda: os.path.exists(self.path("run", "tracker-ready")))
        mark = self.path("run", "source-complete")
        argv, environment = self.command("source", os.path.dirname(self.payload), True, mark)
        source = self._start("source", argv, environment)
        wait_until(f"{self.name}'s source announces", lambda: self._source_is_known(source))

    def _source_is_known(self, source):
        """The tracker writes its peers to a file."""
        if source.exit_code is not None:
            raise SystemFailed(f"{self.name}'s source ended: {open(source.log, encoding='utf-8', errors='replace').read()[-1500:]}")
        with open(self.path("run", "tracker-ready"), encoding="utf-8") as file:
            return f"{self.lab.address('source')} seed" in file.read()

    def _start(self, host, argv, environment=None, gate=None):
        program = Program(self.lab.command(host, argv, gate), self.path("run", f"{host}.log"), environment)
        self._programs.append(program)
        return program

    def start_node(self, host, gate):
        mark, data = self.path("run", f"{host}-complete"), self.fresh("run", host)
        argv, environment = self.command(host, data, False, mark)
        program = self._start(host, argv, environment, gate)
        self.nodes[host] = MarkedNode(program, mark, os.path.join(data, os.path.basename(self.payload)))
        return self.nodes[host]

    def pids(self):
        return [program.pid for program in self._programs]

    def end(self):
        for program in self._programs:
            program.kill()
        self._programs, self.nodes = [], {}

    def marker(self):
        """A program for clients that run one when they are complete."""
        path = self.path("mark.sh")
        with open(path, "w", encoding="utf-8") as file:
            file.write('#!/bin/sh\n: > "$FANOUT_MARK"\n')
        os.chmod(path, 0o755)
        return path


class Aria2(Torrent):
    missing = staticmethod(lambda: needs("aria2c", "transmission-create"))

    def command(self, host, data, seeding, mark):
        argv = ["aria2c", "--no-conf", f"--dir={data}", "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false", "--disable-ipv6=true",
                f"--listen-port={PEER_PORT}", "--seed-ratio=0.0", "--summary-interval=0", "--show-console-readout=false",
                "--file-allocation=none", f"--on-bt-download-complete={self.marker()}"]
        argv += ["--bt-seed-unverified=true", "--allow-overwrite=true"] if seeding else []
        return argv + [self.torrent], {"FANOUT_MARK": mark}


class Transmission(Torrent):
    missing = staticmethod(lambda: needs("transmission-cli", "transmission-create"))

    def command(self, host, data, seeding, mark):
        home = self.fresh("run", f"{host}-home")
        settings = {"dht-enabled": False, "lpd-enabled": False, "utp-enabled": False, "port-forwarding-enabled": False, "pex-enabled": True,
                    "rpc-enabled": False, "encryption": 0, "bind-address-ipv4": self.lab.address(host), "ratio-limit-enabled": False,
                    "blocklist-enabled": False, "preallocation": 0}
        with open(os.path.join(home, "settings.json"), "w", encoding="utf-8") as file:
            json.dump(settings, file)
        argv = ["transmission-cli", "-g", home, "-w", data, "-p", str(PEER_PORT), "-f", self.marker(), "-et", "-M", "-D", "-U", "-B"]
        argv += ["-v"] if seeding else []
        return argv + [self.torrent], {"FANOUT_MARK": mark}


class Libtorrent(Torrent):
    missing = staticmethod(lambda: needs("transmission-create") + ([] if python_with_libtorrent() else ["python3-libtorrent"]))

    def command(self, host, data, seeding, mark):
        argv = [python_with_libtorrent(), os.path.join(HERE, "libtorrent_peer.py"), self.torrent, data, f"{self.lab.address(host)}:{PEER_PORT}",
                "seed" if seeding else "fetch", mark]
        return argv, {}
