#!/usr/bin/env python3
"""Each file in configs/ holds every key that the commands of its role know, with the default that their help shows, and explains it.

    check_configs.py SHOAL ROOT
"""
import json
import os
import re
import subprocess
import sys
import tomllib

COMMANDS = {
    "tracker.toml": ["tracker run"],
    "seeder.toml": ["seed", "publish", "channel set"],
    "node.toml": ["node run", "pull", "join", "verify", "status"],
}


def keys_in_help(shoal, command):
    """{key: default or None} of a command's options."""
    data = json.loads(subprocess.run([shoal, "help", "--json"], capture_output=True, text=True, check=True, timeout=30).stdout)
    options = [option for each in data["commands"] if each["path"] == command for option in each["options"] if option["config_key"]]
    return {option["config_key"]: option["default"] or None for option in options}


def flattened(table, prefix=""):
    for key, value in table.items():
        if isinstance(value, dict):
            yield from flattened(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def keys_in_file(text):
    """{key: value}, with the examples that are commented out ("# key = value", "# [[key]]")."""
    return dict(flattened(tomllib.loads(re.sub(r"^# (\w+ = .+|\[\[\w+\]\])$", r"\1", text, flags=re.M))))


def unexplained(text):
    """Keys and tables without a comment right above; the keys of a table are explained with it."""
    lines = re.sub(r"^((?:# )?\[\[\w+\]\])\n(?:(?:# )?(?:\w+ = .+|\[\[\w+\]\])\n)*", r"\1\n", text, flags=re.M).split("\n")
    keys = [(number, match[1]) for number, line in enumerate(lines) if (match := re.match(r"(?:# )?(\w+ = |\[\[\w+)", line))]
    return [key for number, key in keys if not lines[number - 1].startswith("#")]


def check(shoal, path, commands):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    known = {}
    for command in commands:
        known = keys_in_help(shoal, command) | known  # the first is the service
    present, active = keys_in_file(text), dict(flattened(tomllib.loads(text)))
    name = os.path.basename(path)
    problems = [f"{name}: key '{key}' is missing" for key in sorted(known.keys() - present.keys())]
    problems += [f"{name}: no command knows the key '{key}'" for key in sorted(present.keys() - known.keys())]
    problems += [f"{name}: '{key}' is {active[key]!r}, and the default is {known[key]!r}"
                 for key in sorted(active.keys() & known.keys()) if known[key] is not None and str(active[key]) != known[key]]
    problems += [f"{name}: '{key}' is not explained" for key in unexplained(text)]
    checked = subprocess.run([shoal, "config", "check", path], capture_output=True, text=True, check=False, timeout=30)
    problems += [] if checked.returncode == 0 else [checked.stdout + checked.stderr]
    return problems if known else [f"{name}: the help of {commands} shows no keys"]


def main():
    shoal, root = sys.argv[1:]
    problems = [problem for name, commands in COMMANDS.items() for problem in check(shoal, os.path.join(root, "configs", name), commands)]
    print("\n".join(problems) if problems else "the example configurations are complete")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
