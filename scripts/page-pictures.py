#!/usr/bin/env python3
"""Makes the pictures of docs/page.md again: a fleet of real processes on this machine, a headless Chromium that looks at its page, and
`shoal top` in tmux.

    scripts/page-pictures.py [FOLDER] [--all]     docs/pictures by default; --all also takes the dark and the narrow page
"""
import argparse
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path[:0] = [os.path.join(ROOT, "tests", "support"), os.path.join(ROOT, "tests", "e2e")]
import browser  # noqa: E402
from fleet import Fleet  # noqa: E402
from top_test import Terminal  # noqa: E402

SITES = ("berlin", "oslo", "porto")
NODES = 12
MARK = "<!-- scripts/page-pictures.py makes this capture again -->"
SMALL, LARGE = "acme/speech-small", "acme/llama-edge"


def machines(fleet):
    """The source, and nodes at three sites; one of them has a hook that fails."""
    source = fleet.join("nas-1", "seeder", None, "--site", SITES[0])
    nodes = [fleet.join(f"gpu-{number:02}", "node", None, "--site", SITES[number % 3]) for number in range(1, NODES + 1)]
    return source, nodes


def checkpoint(fleet, name, size, seed):
    """A real safetensors checkpoint, whose types and parameters the page shows."""
    directory = fleet.path(name)
    subprocess.run([sys.executable, os.path.join(HERE, "make-checkpoint.py"), directory, "--size", size, "--seed", str(seed)], check=True)
    return directory


def publish_all(fleet, source):
    """A small model with a history, and a larger one."""
    key = ["--key", fleet.path("keys", "publisher.key"), "--state", source.state]
    for version, seed in (("2026.10", 1), ("2026.11", 2)):
        fleet.publish(source, checkpoint(fleet, "speech-" + version, "6MB", seed), SMALL, version, "--label", "team=audio")
    for version in ("2026.10", "2026.11"):
        fleet.run("channel", "set", SMALL + ":main", version, *key)
    fleet.run("channel", "rollback", SMALL + ":main", "--reason", "drops numbers in Norwegian", *key)
    fleet.run("channel", "set", SMALL + ":main", "2026.11", *key)
    fleet.publish(source, checkpoint(fleet, "llama", "40MB", 3), LARGE, "1.4.0", "--label", "quantisation=int4", "--label", "licence=apache-2.0")
    fleet.run("channel", "set", LARGE + ":stable", "1.4.0", "--percent", "75", "--halt", "50", *key)
    fleet.run("channel", "set", LARGE + ":main", "1.4.0", *key)


def fleet_at_work(fleet):
    """A small model that all nodes have got, and a larger one on its way."""
    fleet.init()
    fleet.start_tracker("--announce-interval", "2s", "--page", "127.0.0.1:0")
    source, nodes = machines(fleet)
    publish_all(fleet, source)
    fleet.start_seeder(source, "--upload-limit", "6MB")
    runs = [fleet.start_node(node, "--follow", SMALL + ":main", "--follow", LARGE + (":stable" if number % 3 else ":main"), "--download-limit", f"{300 + 100 * number}kB",
                             *(["--hook", "exec:/bin/false"] if number == 7 else [])) for number, node in enumerate(nodes, 1)]
    for run in runs[8:]:
        run.wait_event("activated", 120)


def capture_top(fleet, page):
    """The screen of `shoal top` in 80 columns, put into the page's text between the lines that are marked."""
    terminal = Terminal(fleet.directory, [fleet.shoal, "top", "--state", fleet.directory], 80, 20)
    try:
        lines = terminal.wait(lambda lines: any("fetching" in line and "MB/s" in line for line in lines), 60)
        terminal.press("q")
        terminal.exit_code()
    finally:
        terminal.close()
    with open(page, encoding="utf-8") as file:
        before, _, after = file.read().partition(MARK + "\n```\n")
    with open(page, "w", encoding="utf-8") as file:
        file.write(before + MARK + "\n```\n" + "\n".join(lines) + "\n```\n" + after.partition("```\n")[2])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", default=os.path.join(ROOT, "docs", "pictures"))
    parser.add_argument("--all", action="store_true")
    options = parser.parse_args()
    reason = browser.install()
    if reason:
        sys.exit(f"page-pictures: {reason}")
    os.makedirs(options.folder, exist_ok=True)
    with Fleet() as fleet:
        fleet_at_work(fleet)
        capture_top(fleet, os.path.join(ROOT, "docs", "page.md"))
        process = browser.start("pictures.mjs", fleet.page_link(), os.path.abspath(options.folder), *(["all"] if options.all else []))
        said, _ = process.communicate(timeout=300)
        print(said, end="")
        return process.returncode


if __name__ == "__main__":
    sys.exit(main())
