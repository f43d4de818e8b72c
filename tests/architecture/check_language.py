#!/usr/bin/env python3
"""Finds turns of phrase that are not plain English in documents, comments and texts (CONTRIBUTING.md says how to write instead).

    check_language.py                 exit code 1 where a room has more findings than language_allowances.txt allows
    check_language.py --list [ROOM]   every finding (of one room, folder or file) as file:line: pattern: text
    check_language.py --counts        findings by pattern and by room
    check_language.py --write         sets the allowances to what is found: after mending texts, or after moving files
    check_language.py --self-test     proves that each pattern is found
"""
import collections
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
import prose  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
ALLOWANCES = os.path.join(HERE, "language_allowances.txt")

# name: (expression, a text that has it, what to write)
PATTERNS = {
    "who-what": (r"(?:^|(?<=[.:;!?] ))(?:Who|What)\s+(?=[a-z'])(?![^.?!]*\?)", "Who came last waits.", "name the actor"),
    "so-many": (r"\b[Ss]o (?:many|much|long|often)\b(?!,? (?:that|as)\b)", "reads so many bytes", "say the number or the unit"),
    "of-before": (r"\b(?:of|from) before\b", "nodes of before", "older, earlier, previous"),
    "is-over": (r"\b(?:is|are|was|were) over\b(?! (?:\d|its|the|that|an?)\b)", "until the fetch is over", "ends, has ended, has expired"),
    "anew": (r"\banew\b", "starts anew", "again"),
    "may-be-had": (r"\b(?:may|can|could|might) be had\b", "pieces that may be had", "is available"),
    "at-last": (r"\bat last\b", "at last every minute", "at most, finally"),
    "is-told": (r"\b(?:is|are|was|were|be|been) (?:said|told|heard|asked)\b(?! (?:by|for|apart)\b)", "the node is told", "name who tells whom"),
    "too": (r", too\b", "the node, too", "also"),
    "also-where": (r"\b[Aa]lso (?:where|when|if|after|while|without)\b", "also where it fails", "even if"),
    "stands": (r"\bstands?\b(?! (?:for|by|in for|behind|between|alone)\b)", "where it stands", "is"),
    "comes-to": (r"\b(?:comes?|came) to\b(?! (?:the same|an? (?:answer|conclusion|halt|stop)))", "what comes to nothing", "becomes, reaches"),
    "holds": (r"\b(?:[Tt]his|[Tt]hat|These|these|It|rules that) holds?\b(?=[.,;:)]|$)|\bholds? (?:for|where|when|if|with|also|only (?:after|for|where|when|if|while))\b",
              "This holds for nodes.", "is true, applies"),
}
EXPRESSIONS = {name: re.compile(expression) for name, (expression, _, _) in PATTERNS.items()}


def files(root):
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=root, capture_output=True, text=True)
    if listed.returncode == 0:
        return sorted(path for path in set(listed.stdout.split("\0")) if path and os.path.exists(os.path.join(root, path)))
    return sorted(os.path.relpath(os.path.join(parent, name), root)
                  for parent, _, names in os.walk(root) for name in names if "/build" not in parent and "/.git" not in parent)


def room_of(path):
    """src/mesh, tests/unit, docs/decisions; a folder at the top; a file there by its name."""
    parts = path.split("/")
    return "/".join(parts[:2]) if len(parts) > 2 and parts[0] in ("src", "tests", "docs") else parts[0]


def findings_in(passage):
    for name, expression in EXPRESSIONS.items():
        for match in expression.finditer(passage.text):
            text = passage.original[max(0, match.start() - 30):match.end() + 40].strip()
            yield passage.line_at(match.start()), name, text


def findings(root):
    """(path, line, pattern, text), in order."""
    for path in files(root):
        yield from sorted((path, *found) for passage in prose.passages(root, path) for found in findings_in(passage))


def allowances():
    with open(ALLOWANCES, encoding="utf-8") as file:
        lines = [line.split() for line in file if line.strip() and not line.startswith("#")]
    return {room: int(count) for room, count in lines}


def write(counts):
    with open(ALLOWANCES, encoding="utf-8") as file:
        head = [line for line in file if line.startswith("#")]
    with open(ALLOWANCES, "w", encoding="utf-8") as file:
        file.writelines([*head, *(f"{room} {count}\n" for room, count in sorted(counts.items()))])


def table(found):
    for title, column in (("pattern", lambda each: each[2]), ("room", lambda each: room_of(each[0]))):
        counts = collections.Counter(column(each) for each in found)
        names = counts if title == "room" else PATTERNS
        print("\n".join(f"{counts[name]:5} {name}" for name in sorted(names, key=lambda name: -counts[name])), end="\n\n")
    print(f"{len(found):5} in all")


def check(found):
    allowed = allowances()
    counts = collections.Counter(room_of(path) for path, *_ in found)
    above = [room for room in sorted(counts) if counts[room] > allowed.get(room, 0)]
    for room in above:
        print("\n".join(shown(each) for each in found if room_of(each[0]) == room))
        print(f"{room}: {counts[room]} findings, {allowed.get(room, 0)} allowed. "
              "Write these in plain English; after moving files without new findings: check_language.py --write")
    below = sum(max(0, count - counts[room]) for room, count in allowed.items())
    print(f"{len(found)} findings, {sum(allowed.values())} allowed" + ("; check_language.py --write lowers that" if below else ""))
    return 1 if above else 0


def shown(finding):
    path, line, name, text = finding
    return f"{path}:{line}: {name} ({PATTERNS[name][2]}): {text}"


def self_test():
    failures = []
    for name, (_, text, _) in PATTERNS.items():
        for ending, source in ((".cpp", f"// {text}\n"), (".cpp", f'auto a = "{text}";\n'), (".md", f"# Title\n\n{text}\n"), (".toml", f"# {text}\n"),
                               (".py", f'"""{text}"""\n'), (".cpp", "// " + text.replace(" ", "\n// ") + "\n")):
            if name not in [each for passage in prose.READERS[ending](source) for _, each, _ in findings_in(passage)]:
                failures.append(f"{name} is not found in {source!r}")
    for text in ("What do we do here?", "so that nodes wait", "`What is` a key", "# What you need"):
        for passage in prose.markdown(text + "\n"):
            failures += [f"{name} is found in {text!r}" for _, name, _ in findings_in(passage)]
    print("\n".join(failures) if failures else f"{len(PATTERNS)} patterns, all found")
    return 1 if failures else 0


def main():
    mode, *rest = sys.argv[1:] or ["--check"]
    if mode == "--self-test":
        return self_test()
    found = list(findings(ROOT))
    if mode == "--list":
        place = rest[0].rstrip("/") if rest else ""
        print("\n".join(shown(each) for each in found if not place or room_of(each[0]) == place or (each[0] + "/").startswith(place + "/")))
    elif mode == "--counts":
        table(found)
    elif mode == "--write":
        write(collections.Counter(room_of(path) for path, *_ in found))
    elif mode == "--check":
        return check(found)
    else:
        print(__doc__)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
