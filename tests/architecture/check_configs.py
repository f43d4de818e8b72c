#!/usr/bin/env python3
"""Each file in configs/ holds every key that the commands of its role know, with the default that their help shows, and explains it.

    check_configs.py SHOAL ROOT
"""
import os
import re
import subprocess
import sys
import tomllib

COMMANDS = {
    "tracker.toml": ["tracker run"],
    "seeder.toml": ["seed", "publish", "channel set"],
    "node.toml": ["pull", "node run", "join", "verify", "status"],
}
NOTE = re.compile(r"\[((?:required|default: [^;\]]*)?)[^\[\]]*in the file: ([\w.]+)\]")


def keys_in_help(shoal, command):
    """{key: default or None} from `shoal COMMAND --help`."""
    text = subprocess.run([shoal, *command.split(), "--help"], capture_output=True, text=True, check=True, timeout=30).stdout
    notes = NOTE.findall(" ".join(text.split()))
    return {key: first.removeprefix("default: ") if first.startswith("default: ") else None for first, key in notes}


def flattened(table, prefix=""):
    for key, value in table.items():
        if isinstance(value, dict):
            yield from flattened(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def keys_in_file(text):
    """{key: value}, with the examples that are commented out ("# key = value")."""
    return dict(flattened(tomllib.loads(re.sub(r"^# (\w+ = .+)$", r"\1", text, flags=re.M))))


def unexplained(text):
    """Keys without a comment right above."""
    lines = text.split("\n")
    keys = [(number, match[1]) for number, line in enumerate(lines) if (match := re.match(r"(?:# )?(\w+) = ", line))]
    return [key for number, key in keys if not lines[number - 1].startswith("#")]


def check(shoal, path, commands):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    known = {}
    for command in commands:
        known |= keys_in_help(shoal, command)
    present, active = keys_in_file(text), dict(flattened(tomllib.loads(text)))
    name = os.path.basename(path)
    problems = [f"{name}: key '{key}' is missing" for key in sorted(known.keys() - present.keys())]
    problems += [f"{name}: no command knows the key '{key}'" for key in sorted(present.keys() - known.keys())]
    problems += [f"{name}: '{key}' is {active[key]!r}, and the default is {known[key]!r}"
                 for key in sorted(active.keys() & known.keys()) if known[key] is not None and str(active[key]) != known[key]]
    problems += [f"{name}: '{key}' is not explained" for key in unexplained(text)]
    return problems if known else [f"{name}: the help of {commands} shows no keys"]


def main():
    shoal, root = sys.argv[1:]
    problems = [problem for name, commands in COMMANDS.items() for problem in check(shoal, os.path.join(root, "configs", name), commands)]
    print("\n".join(problems) if problems else "the example configurations are complete")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
