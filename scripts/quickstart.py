#!/usr/bin/env python3
"""Runs a whole fleet on this machine: a tracker, a seeder and some nodes, each its own process, fetch two checkpoints.

The first is a real speech model, and a node's copy of it must work; the second is large. The exit code is 0 only if every node
has verified every file. Nothing is left running, unless you give --keep.
"""
import argparse
import concurrent.futures
import json
import os
import shlex
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "tests", "support"))
import fleet as fleets  # noqa: E402

MB = 1e6
LINE_EVERY = 5.0  # seconds between lines of progress without a terminal
TOTAL_DEADLINE = 600.0  # seconds for one checkpoint to reach all nodes
SPOKEN = "the united states of america"
VOICE = ["-v", "en-us+f5", "-s", "115"]  # a voice that this speech model recognises


class Screen:
    """Output for the user: text on stderr and the tables on stdout, or JSON lines on stdout."""

    def __init__(self, as_json):
        self.as_json = as_json
        self.live = not as_json and sys.stderr.isatty()
        self._rows = 0
        self._last_line = 0.0

    def say(self, text):
        if not self.as_json:
            self._clear()
            print(text, file=sys.stderr, flush=True)

    def result(self, value, text):
        self._clear()
        print(json.dumps(value) if self.as_json else text, flush=True)

    def _clear(self):
        """The cursor stays at the start of the rows, even where a terminal that becomes narrower wraps them."""
        if self._rows:
            sys.stderr.write("\r\x1b[J")
            self._rows = 0

    def progress(self, states):
        """`states`: a dict per node. Redraws one line per node on a terminal; elsewhere prints one line every few seconds."""
        now = time.monotonic()
        if not self.live and now - self._last_line < (1.0 if self.as_json else LINE_EVERY):
            return
        self._last_line = now
        if self.as_json:
            print(json.dumps({"type": "progress", "nodes": states}), flush=True)
        elif self.live:
            self._redraw(states)
        else:
            print("  " + "  ".join(f"{state['node']} {state['percent']:.0f}%" for state in states), file=sys.stderr, flush=True)

    def _redraw(self, states):
        size = shutil.get_terminal_size((80, 24))
        shown = states[:max(size.lines - 2, 1)]
        rows = [row_of(state, size.columns - 1) for state in shown]
        if len(shown) < len(states):
            rows.append(f"  and {len(states) - len(shown)} more"[:size.columns - 1])
        # In one write, so that nothing flickers; then back up to the first row. A terminal that has become narrower,
        # and has not said so yet, must not wrap rows (?7l).
        sys.stderr.write("\r\x1b[?7l" + "".join("\x1b[2K" + row + "\r\n" for row in rows) + f"\x1b[J\x1b[{len(rows)}A\x1b[?7h")
        sys.stderr.flush()
        self._rows = len(rows)


def amount(size):
    return f"{size / MB / 1000:.2f} GB" if size >= 1000 * MB else f"{size / MB:.0f} MB"


def row_of(state, width):
    """One row of a node in at most `width` columns; percent, rate and time left stay when the terminal is narrow."""
    facts = [f"{state['percent']:3.0f}%", f"{state['rate'] / MB:5.1f} MB/s" if state["rate"] else " " * 10]
    facts.append(f"{state['left']:.0f}s left" if state["left"] else "done" if state["percent"] == 100 else "")
    filled = int(state["percent"] / 100 * 24)
    bar = f"[{'=' * filled + '>' * (filled < 24):<24}]"
    peers = f"{state['peers']} peer{'' if state['peers'] == 1 else 's'}"
    origin = f"{amount(state['from_source'])} from the source, {amount(state['from_peers'])} from nodes"
    name = f"  {state['node']:<8}"
    forms = [[name, bar, *facts, peers, origin], [name, bar, *facts, peers], [name, bar, *facts], [name, *facts], facts]
    rows = ["  ".join(form).rstrip() for form in forms]
    return next((row for row in rows if len(row) <= width), rows[-1][:width])


def state_of(node, pull):
    """The latest progress of a pull."""
    done, latest = pull.last("complete"), pull.last("progress") or {}
    total = latest.get("total", 0)
    percent = 100.0 if done else 100.0 * latest.get("done", 0) / total if total else 0.0
    return {"node": node.name, "percent": percent, "rate": 0 if done else latest.get("rate", 0),
            "left": 0 if done else latest.get("seconds_left") or 0, "peers": latest.get("peers", 0),
            "from_source": (done or {}).get("bytes_from_source", latest.get("from_source", 0)),
            "from_peers": (done or {}).get("bytes_from_peers", latest.get("from_peers", 0))}


def wait_for_all(screen, nodes, pulls):
    """Shows progress until every pull is complete; fails as soon as one fails."""
    deadline = time.monotonic() + TOTAL_DEADLINE
    waiting = list(pulls)
    while waiting:
        screen.progress([state_of(node, pull) for node, pull in zip(nodes, pulls)])
        waiting[0].settled("complete", 0.2)
        settled = [pull for pull in waiting if pull.settled("complete", 0)]
        if time.monotonic() > deadline:
            settled = waiting
        for pull in settled:
            pull.complete(0)  # fails, with the log, if there is none
        waiting = [pull for pull in waiting if pull not in settled]
    screen.progress([state_of(node, pull) for node, pull in zip(nodes, pulls)])


def size_of(directory):
    return sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(directory) for name in names)


def checked(fleet, nodes, ref):
    """For each node: whether `shoal verify` finds every file as it was signed. Hashes again, two nodes at a time."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda node: fleet.verify(node, ref, check=False).code == 0, nodes))


def table(screen, title, size, nodes, reports, verified):
    rows = [{"node": node.name, "seconds": round(report["seconds"], 2),
             "mb_per_s": round(report["bytes"] / MB / max(report["seconds"], 1e-3), 1),
             "mb_from_source": round(report["bytes_from_source"] / MB, 1),
             "mb_from_nodes": round(report["bytes_from_peers"] / MB, 1),
             "verified": good} for node, report, good in zip(nodes, reports, verified)]
    copies = sum(report["bytes_from_source"] for report in reports) / max(size, 1)
    value = {"type": "table", "checkpoint": title, "bytes": size, "nodes": rows, "copies_sent_by_source": round(copies, 3)}
    lines = ["", f"{title}: {size / MB:.1f} MB", "  node      seconds      MB/s  MB from source  MB from nodes  verified"]
    lines += [f"  {row['node']:<8} {row['seconds']:8.2f} {row['mb_per_s']:9.1f} {row['mb_from_source']:15.1f} "
              f"{row['mb_from_nodes']:14.1f}  {'yes' if row['verified'] else 'NO'}" for row in rows]
    lines.append(f"  the source sent {copies:.2f} copies to {len(rows)} nodes")
    screen.result(value, "\n".join(lines))


def distribute(fleet, screen, source, nodes, directory, model, version, *consent):
    """Publishes a directory, lets every node fetch it, prints the table. Returns the pulls, still serving, and whether all is well."""
    size = size_of(directory)
    screen.say(f"== publish {model}@{version}: {directory}, {size / MB:.1f} MB")
    fleet.publish(source, directory, model, version, *consent, channel="main")
    seeder = fleet.start_seeder(source)
    screen.say(f"== {len(nodes)} nodes fetch {model}")
    pulls = [fleet.pull(node, f"{model}@{version}", *consent, seed_for="24h") for node in nodes]
    wait_for_all(screen, nodes, pulls)
    reports = [pull.complete(0) for pull in pulls]
    verified = checked(fleet, nodes, f"{model}@{version}")
    table(screen, f"{model}@{version}", size, nodes, reports, verified)
    return seeder, pulls, all(verified)


# --- the speech model ---

def speech_model():
    """The directory of pocketsphinx-en-us that holds `en-us`, the acoustic model, beside dictionary and language model."""
    listed = subprocess.run(["dpkg", "-L", "pocketsphinx-en-us"], capture_output=True, text=True, check=True).stdout.split("\n")
    return next(os.path.dirname(path) for path in listed if path.endswith("/en-us/en-us"))


def speak(directory):
    """A wav of SPOKEN at the 16 kHz that the model was trained on."""
    spoken, wav = os.path.join(directory, "spoken.wav"), os.path.join(directory, "utterance.wav")
    subprocess.run(["espeak-ng", *VOICE, "-w", spoken, SPOKEN], check=True, stderr=subprocess.DEVNULL)
    # Without dither, which is noise of its own; the silence gives the decoder its bearings.
    subprocess.run(["sox", "-D", spoken, "-r", "16000", "-b", "16", "-c", "1", wav, "pad", "0.3", "0.3"], check=True)
    return wav


def transcript(wav, model):
    """Debian 12 has pocketsphinx 0.8 (5prealpha), whose decoder of files is pocketsphinx_continuous."""
    command = ["pocketsphinx_continuous", "-infile", wav, "-hmm", os.path.join(model, "en-us"), "-lm", os.path.join(model, "en-us.lm.bin"),
               "-dict", os.path.join(model, "cmudict-en-us.dict"), "-logfn", os.devnull]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout.strip()


def prove_speech(fleet, screen, original, fetched, node):
    wav = speak(fleet.directory)
    there, here = transcript(wav, original), transcript(wav, fetched)
    good = bool(there) and there == here
    screen.result({"type": "speech", "spoken": SPOKEN, "original": there, "fetched": here, "equal": good},
                  f"\nthe model works from {node.name}'s copy: spoken   '{SPOKEN}'\n"
                  f"                                    original '{there}'\n                                    fetched  '{here}'"
                  + ("" if good else "\n  NOT EQUAL"))
    return good


# --- the whole ---

def end_round(seeder, pulls):
    """Stops all serving; the state directories are then free for the next command."""
    for process in [*pulls, seeder]:
        process.send()
    for process in [*pulls, seeder]:
        process.finish()


def check_space(directory, options):
    need = int(options.size_bytes * (options.nodes + 1.2)) + 500 * 10**6
    free = shutil.disk_usage(directory).free
    if free < need:
        raise fleets.FleetError(f"{directory} has {free / MB:.0f} MB free and this needs {need / MB:.0f} MB: "
                                "set TMPDIR, or lower --size or --nodes")


def make_checkpoint(fleet, screen, size):
    directory = fleet.path("checkpoint")
    screen.say(f"== make a safetensors checkpoint of {size}")
    subprocess.run([sys.executable, os.path.join(HERE, "make-checkpoint.py"), directory, "--size", size], check=True)
    return directory


def explain(fleet, screen, nodes):
    """--keep: prints how to look at the fleet, and writes a script that stops it."""
    pids = [process.pid for process in fleet.running]
    stop = fleet.path("stop.sh")
    with open(stop, "w", encoding="utf-8") as script:
        script.write("#!/bin/sh\n# Stops the processes of this fleet that are still shoal, and removes its directory.\n"
                     f"for pid in {' '.join(map(str, pids))}; do\n"
                     f"  [ \"$(readlink /proc/$pid/exe)\" = {shlex.quote(os.path.realpath(fleet.shoal))} ] && kill $pid\ndone\n"
                     f"for pid in {' '.join(map(str, pids))}; do\n"
                     "  timeout 20 tail --pid=$pid -f /dev/null\ndone\n"
                     f"rm -rf {shlex.quote(fleet.directory)}\n")
    os.chmod(stop, 0o755)
    shoal, state = shlex.quote(fleet.shoal), shlex.quote(nodes[0].state)
    link = fleet.page_link()
    screen.result({"type": "kept", "directory": fleet.directory, "pids": pids, "stop": stop, "page": link},
                  f"\nsee it in a browser (the link works once, for five minutes; '{shoal} page --state {shlex.quote(fleet.path('tracker'))}' makes another)\n"
                  f"  {link}\nthe fleet still runs in {fleet.directory} (tracker https://127.0.0.1:{fleet.port}); look at it with\n"
                  f"  {shoal} status --state {state}\n  {shoal} channel list shoal/checkpoint --state {state}\n  tail -f {fleet.logs}/*\n"
                  f"  ss -tlnp | grep shoal\nstop it with\n  {stop}")


def quickstart(fleet, screen, options):
    check_space(fleet.directory, options)
    screen.say(f"== a fleet in {fleet.directory}: tracker, seeder, {options.nodes} nodes")
    fleet.init()
    fleet.start_tracker(*(["--page", "127.0.0.1:0"] if options.keep else []))
    if options.keep:
        screen.say(f"== watch it in a browser: {fleet.page_link()}")
    source = fleet.join("seeder", role="seeder")
    nodes = [fleet.join(f"node{number}") for number in range(1, options.nodes + 1)]

    speech = speech_model()
    screen.say("== the speech model is in pocketsphinx's own formats, which shoal cannot parse: publisher and nodes must consent")
    seeder, pulls, good = distribute(fleet, screen, source, nodes, speech, "cmusphinx/en-us", "0.8", "--allow-code-formats")
    good &= prove_speech(fleet, screen, speech, pulls[-1].complete(0)["path"], nodes[-1])
    end_round(seeder, pulls)

    checkpoint = make_checkpoint(fleet, screen, options.size)
    seeder, pulls, verified = distribute(fleet, screen, source, nodes, checkpoint, "shoal/checkpoint", "1.0")
    if not (good and verified):
        raise fleets.FleetError("not every node has the published files, see above")
    if options.keep:
        explain(fleet, screen, nodes)
    else:
        end_round(seeder, pulls)


def parse_options():
    parser = argparse.ArgumentParser(prog="quickstart.sh", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shoal", help=argparse.SUPPRESS)
    parser.add_argument("--nodes", type=int, default=10, metavar="N", help="how many nodes fetch (default: %(default)s)")
    parser.add_argument("--size", default="256MB", help="size of the safetensors checkpoint (default: %(default)s)")
    parser.add_argument("--keep", action="store_true", help="leave the fleet running, and print a link to its page, how to look at it and how to stop it")
    parser.add_argument("--json", action="store_true", help="JSON lines on standard output")
    options = parser.parse_args()
    if not 1 <= options.nodes <= 50:
        parser.error("--nodes must be between 1 and 50")
    sys.path.insert(0, HERE)
    try:
        options.size_bytes = __import__("make-checkpoint").parse_size(options.size)
    except argparse.ArgumentTypeError as problem:
        parser.error(f"--size: {problem}")
    return options


def main():
    options = parse_options()
    screen = Screen(options.json)
    try:
        with fleets.Fleet(shoal=options.shoal, keep=options.keep) as fleet:
            quickstart(fleet, screen, options)
    except KeyboardInterrupt:
        screen.say("quickstart: interrupted; everything it started is stopped")
        return 130
    except (fleets.FleetError, subprocess.SubprocessError, OSError) as problem:
        screen.result({"type": "error", "message": str(problem)}, f"quickstart: {problem}")
        return 1
    screen.say("quickstart: every node verified every file")
    return 0


if __name__ == "__main__":
    sys.exit(main())
