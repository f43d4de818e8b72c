"""Foreign BitTorrent clients against Shoal's tracker.

    foreign_test.py aria2c FOREIGN_FLEET BUILD_DIR
        Two aria2c, each with a certificate of its own, announce over mutual TLS; the second gets the first as its peer and
        downloads from it. A third without a certificate gets nothing.
    foreign_test.py npm FOREIGN_FLEET BUILD_DIR
        The `bittorrent-tracker` client from npm gets the same answers as from its own server (same_answers.mjs). The package is
        installed into BUILD_DIR from the pinned package-lock.json beside this file.

FOREIGN_FLEET is the program of foreign_fleet.cpp. Exit code 77 means that the client is not installed. All traffic stays on 127.0.0.1.
"""

import contextlib
import json
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SKIPPED = 77
DEADLINE = 120  # seconds for any one step


def need(*tools):
    for tool in tools:
        if shutil.which(tool) is None:
            print(f"skipped: {tool} is not installed (scripts/install-deps.sh --tests)")
            sys.exit(SKIPPED)


@contextlib.contextmanager
def running_fleet(program, directory):
    """Yields what foreign_fleet says; ends it by closing its standard input."""
    process = subprocess.Popen([program, str(directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        ready, _, _ = select.select([process.stdout], [], [], DEADLINE)
        line = process.stdout.readline() if ready else ""
        assert line, "foreign_fleet did not get ready"
        yield json.loads(line)
    finally:
        process.stdin.close()
        code = process.wait(timeout=DEADLINE)
    assert code == 0, f"foreign_fleet ended with {code}"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(what, condition, process):
    end = time.monotonic() + DEADLINE
    while not condition():
        assert process.poll() is None, f"aria2c ended with {process.returncode} before: {what}"
        assert time.monotonic() < end, f"waited too long: {what}"
        time.sleep(0.05)


class Aria2:
    """One aria2c; what it says goes to LOG."""

    def __init__(self, fleet, directory, machine, log, *options):
        self.log = log
        command = ["aria2c", "--no-conf", "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false",
                   "--enable-peer-exchange=false", "--disable-ipv6=true",
                   "--interface=127.0.0.1", f"--listen-port={free_port()}", f"--dir={directory}",
                   f"--bt-tracker={fleet['tls']}/announce", "--console-log-level=info", "--summary-interval=0", "--bt-tracker-timeout=20",
                   f"--ca-certificate={fleet['ca']}", *options]
        if machine is not None:
            command += [f"--certificate={machine['certificate']}", f"--private-key={machine['key']}"]
        self.process = subprocess.Popen([*command, fleet["torrent"]], stdout=log.open("w"), stderr=subprocess.STDOUT)

    def says(self, text):
        return text in self.log.read_text(errors="replace")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)  # lets it say `stopped`; SIGTERM would not
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def scrape(fleet):
    """(complete, incomplete) of the torrent, asked over TLS with curl's certificate of the fourth machine."""
    machine = fleet["machines"][3]
    escaped = "".join(f"%{fleet['info_hash'][i:i + 2]}" for i in range(0, 40, 2))
    command = ["curl", "--silent", "--show-error", "--max-time", "20", "--cacert", fleet["ca"], "--cert", machine["certificate"],
               "--key", machine["key"], f"{fleet['tls']}/scrape?info_hash={escaped}"]
    answer = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout

    def number(key):
        return int(answer.split(key, 1)[1].split(b"e", 1)[0]) if key in answer else 0
    return number(b"8:completei"), number(b"10:incompletei")


def test_aria2c(program):
    need("aria2c", "curl")
    with tempfile.TemporaryDirectory() as name, running_fleet(program, name) as fleet:
        base = pathlib.Path(name)
        (base / "fetched").mkdir()
        payload = pathlib.Path(fleet["payload"]).read_bytes()
        seeding = Aria2(fleet, base, fleet["machines"][0], base / "seeder.log", "--check-integrity=true", "--seed-ratio=0.0")
        with seeding:
            wait_until("the seeder is in the swarm", lambda: scrape(fleet) == (1, 0), seeding.process)
            with Aria2(fleet, base / "fetched", fleet["machines"][1], base / "leecher.log", "--seed-time=0") as leecher:
                assert leecher.process.wait(timeout=DEADLINE) == 0, (base / "leecher.log").read_text()
            assert (base / "fetched" / "payload.bin").read_bytes() == payload, "the fetched payload differs"
            # It could have had the payload from nobody else: the torrent is private and names no tracker of its own.
            (base / "nothing").mkdir()
            with Aria2(fleet, base / "nothing", None, base / "stranger.log", "--bt-stop-timeout=5") as stranger:
                stranger.process.wait(timeout=DEADLINE)
                assert stranger.process.returncode != 0, "without a certificate it was served"
            assert scrape(fleet)[1] == 0, "a stranger is in the swarm"
        wait_until_left(fleet)
    print("aria2c announced with its certificate, got its peer and fetched from it")


def wait_until_left(fleet):
    """aria2c says `stopped` when it is interrupted."""
    end = time.monotonic() + DEADLINE
    while scrape(fleet) != (0, 0):
        assert time.monotonic() < end, "the stopped seeder is still in the swarm"
        time.sleep(0.05)


def install_npm_package(build):
    """npm ci into the build directory, unless what is there is what the lock file says."""
    target = build / "npm"
    lock = HERE / "package-lock.json"
    stamp = target / "installed.json"
    if stamp.exists() and stamp.read_bytes() == lock.read_bytes():
        return target
    target.mkdir(parents=True, exist_ok=True)
    for file in ("package.json", "package-lock.json"):
        shutil.copyfile(HERE / file, target / file)
    subprocess.run(["npm", "ci", "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=target, check=True, timeout=240)
    shutil.copyfile(lock, stamp)
    return target


def test_npm(program, build):
    need("node", "npm")
    package = install_npm_package(build)
    with tempfile.TemporaryDirectory() as name, running_fleet(program, name) as fleet:
        described = pathlib.Path(name) / "fleet.json"
        described.write_text(json.dumps(fleet))
        shutil.copyfile(HERE / "same_answers.mjs", package / "same_answers.mjs")  # node looks for packages beside the script
        subprocess.run(["node", "same_answers.mjs", str(described)], cwd=package, check=True, timeout=DEADLINE)


def main():
    client, program, build = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    if client == "aria2c":
        test_aria2c(program)
    else:
        test_npm(program, build)


main()
