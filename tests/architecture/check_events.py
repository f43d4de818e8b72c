#!/usr/bin/env python3
"""Compares docs/events.md with the log events of the sources: names, keys and one grammar.

    check_events.py            exit code 1 where the table and the sources differ
    check_events.py --print    the events of the sources with their keys
    check_events.py --self-test

An event is a snake_case literal in a call of base/log, or in a function that hands it on (EMITTERS). Fields that a call does not spell out are
in EXTRA_KEYS.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROOMS = ("src", "tracker", "publisher", "seeder", "node")
GRAMMAR = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
# Each of these facts has one key: "reason" for why something failed, "machine" for a machine's id, "info_hash" for a content.
WRONG_KEYS = {"error", "why", "problem", "peer", "content", "title"}
EMITTER = re.compile(r"\b(?:log::(?:debug|info|warn|error|debug_of)|write|note_exception|say)\(")
# link_log, peer_log, server and watched_root add these to every event that they are handed.
LINK = {"machine", "info_hash"}
EXTRA_KEYS = {"src/mesh/link_log.cpp": LINK, "src/swarm/peer_log.cpp": LINK, "seeder/watched_root.cpp": {"directory", "reason"}}
COUNTS = {"peer_grants", "peer_traffic"}  # their keys are counters: src/swarm/peer_tally.cpp
THIN = {"link_refused"}  # of a stranger: without machine and content


def call_at(text, start):
    """The text of a call from its name to its closing parenthesis."""
    depth, at = 0, text.index("(", start)
    while True:
        if text[at] == '"':
            at = re.compile(r'"(?:\\.|[^"\\])*"').match(text, at).end() - 1
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
        if depth == 0:
            return text[start:at]


def events_of(path, text):
    """(event, keys) of each call in a source."""
    for match in EMITTER.finditer(text):
        call = call_at(text, match.start())
        head = call.split("{")[0]
        names = re.findall(r'"((?:\\.|[^"\\])*)"', head)
        if match.group(0) in ("write(", "say(", "note_exception("):
            if str(path) not in EXTRA_KEYS and match.group(0) != "note_exception(":
                continue
        if not names:
            continue
        name, keys = names[0], set(re.findall(r'\{"(\w+)",', call))
        if len(names) > 1 and str(path) in EXTRA_KEYS:
            keys.add(names[1])  # write("link_up", key, "dialled_by", ...)
        if match.group(0) == "note_exception(":
            keys.add("reason")
        elif not match.group(0).startswith("log::"):
            keys = (keys if "say" not in match.group(0) else set()) | EXTRA_KEYS[str(path)]
        yield name, keys


def sources(root):
    for room in ROOMS:
        for path in sorted((root / room).rglob("*.cpp")):
            yield path.relative_to(root), path.read_text(encoding="utf-8")


def collected(root):
    events = {}
    for path, text in sources(root):
        for name, keys in events_of(path, text):
            events.setdefault(name, set()).update(keys)
    return events


def documented(text):
    """{event: keys} of the rows `| `event` | level | keys | meaning |`."""
    rows = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 4:
            rows[cells[0].strip("`")] = set(re.findall(r"`(\w+)`", cells[2]))
    return rows


def problems(events, rows):
    for name, keys in sorted(events.items()):
        if not GRAMMAR.fullmatch(name):
            yield f"{name!r} is not snake_case"
        for key in sorted(keys & WRONG_KEYS):
            yield f"{name}: key {key!r} has another name (see WRONG_KEYS)"
        if name not in rows:
            yield f"{name} is missing from docs/events.md, with the keys {sorted(keys)}"
        elif name not in COUNTS and keys != rows[name]:
            yield f"{name} has the keys {sorted(keys)}, docs/events.md says {sorted(rows[name])}"
    for name in sorted(set(rows) - set(events)):
        yield f"docs/events.md lists {name}, which no source writes"


def self_test():
    good = 'log::warn("disk_full", {{"path", p}, {"reason", f("x")}});'
    assert dict(events_of("a.cpp", good)) == {"disk_full": {"path", "reason"}}
    rows = documented("| `disk_full` | warn | `path`, `reason` | The disk is full. |")
    assert not list(problems({"disk_full": {"path", "reason"}}, rows))
    for bad, keys in (("disk.full", set()), ("disk full", set()), ("disk_full", {"path", "error"}), ("new_event", set())):
        assert list(problems({bad: keys}, rows)), bad
    assert list(problems({}, rows)) == ["docs/events.md lists disk_full, which no source writes"]


def main():
    if "--self-test" in sys.argv:
        return self_test()
    events = collected(ROOT)
    if "--print" in sys.argv:
        for name, keys in sorted(events.items()):
            print(name, *sorted(keys))
        return None
    found = list(problems(events, documented((ROOT / "docs/events.md").read_text(encoding="utf-8"))))
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
