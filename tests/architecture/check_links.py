#!/usr/bin/env python3
"""Checks that relative links in *.md files lead to files and headings that exist, and that paths in `backticks` exist. Prints
file:line for each that does not.

    check_links.py [ROOT]        exit code 1 when a link is broken
    check_links.py --self-test   proves that each kind of broken link is found
"""
import glob
import os
import re
import sys
import tempfile

SKIPPED = {".git", "build", "node_modules"}
LINK = re.compile(r"\]\(([^()\s]+)\)")
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:")
CODE = re.compile(r"`[^`]*`")
# A path of ours, from the root of the repository; a source may be named without its ending.
PATH = re.compile(r"`((?:bench|cmake|configs|docs|node|packaging|publisher|scripts|seeder|src|tests|tracker)/[\w./-]*\w)/?`")


def pages(root):
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(set(folders) - SKIPPED)
        yield from (os.path.join(folder, name) for name in sorted(names) if name.endswith(".md"))


def prose(path):
    """(number, line) of the lines outside of ``` blocks."""
    fenced = False
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.lstrip().startswith("```"):
                fenced = not fenced
            elif not fenced:
                yield number, line


def slug(heading):
    """The anchor that GitHub and GitLab give a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(path):
    """Every heading's anchor; those that repeat get -1, -2 and so on."""
    found, seen = set(), {}
    for _, line in prose(path):
        if match := re.match(r"#{1,6} +(.*)", line):
            name = slug(match[1])
            found.add(f"{name}-{seen[name]}" if name in seen else name)
            seen[name] = seen.get(name, 0) + 1
    return found


def problem_of(page, link):
    target, _, anchor = link.partition("#")
    path = os.path.normpath(os.path.join(os.path.dirname(page), target)) if target else page
    if not os.path.exists(path):
        return f"'{target}' does not exist"
    if anchor and (not path.endswith(".md") or anchor not in anchors(path)):
        return f"'{target or os.path.basename(page)}' has no heading '#{anchor}'"
    return None


def is_there(root, path):
    return os.path.exists(os.path.join(root, path)) or bool(glob.glob(os.path.join(root, path) + ".*"))


def broken_links(root):
    for page in pages(root):
        for number, line in prose(page):
            for path in PATH.findall(line):
                if not is_there(root, path):
                    yield f"{os.path.relpath(page, root)}:{number}: '{path}' does not exist"
            for link in LINK.findall(CODE.sub("", line)):
                if not ELSEWHERE.match(link) and (problem := problem_of(page, link)):
                    yield f"{os.path.relpath(page, root)}:{number}: {problem}"


CLEAN = {"README.md": "[a](docs/a.md) [b](docs/a.md#two-words) [c](https://example.org/x) `[d](nowhere)` `docs/a.md` `docs/a`\n```\n[e](nowhere)\n```\n",
         "docs/a.md": "# One\n## Two words\n## Two words\n[up](../README.md) [here](#one) [again](#two-words-1) [folder](.)\n"}
PLANTED = [("[x](missing.md)", "'missing.md' does not exist"), ("[x](docs/a.md#three)", "'docs/a.md' has no heading '#three'"),
           ("[x](#none)", "'README.md' has no heading '#none'"), ("see `src/a.hpp`", "'src/a.hpp' does not exist")]


def found_in(files):
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
        return list(broken_links(root))


def self_test():
    failures = [f"a good link is reported: {found}" for found in found_in(CLEAN)]
    for link, message in PLANTED:
        found = found_in({**CLEAN, "README.md": f"# Title\n{link}\n"})
        if found != [f"README.md:2: {message}"]:
            failures.append(f"not found: {message}; found: {found}")
    print("\n".join(failures) if failures else f"{len(PLANTED)} planted links, all found")
    return 1 if failures else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    found = list(broken_links(root))
    print("\n".join(found) if found else "all links lead somewhere")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
