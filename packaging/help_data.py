"""Reads `shoal help --json`, from which man pages are generated. Standard library only."""
import json
import subprocess


def load(shoal):
    done = subprocess.run([shoal, "help", "--json"], capture_output=True, text=True, check=True, timeout=30)
    return json.loads(done.stdout)


def page_name(command):
    """shoal-channel-set for "channel set"."""
    return "shoal-" + command["path"].replace(" ", "-")
