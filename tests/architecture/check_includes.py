#!/usr/bin/env python3
"""Checks the sources against rules.py: includes, fences, layout and the links of CMake. Prints file:line for each violation.

    check_includes.py [ROOT]        exit code 1 when something is wrong
    check_includes.py --self-test   proves that each kind of violation is found
"""
import fnmatch
import os
import re
import sys
import tempfile

sys.dont_write_bytecode = True
import rules  # noqa: E402

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
NAMESPACE = re.compile(r"^\s*(?:inline\s+)?namespace\s+([A-Za-z_][\w:]*)\s*\{")
LIBRARY = re.compile(r"^shoal_library\(\s*(\w+)\s+(\S+)\s*(.*)\)\s*$")


def reachable(folder):
    """The folders that one may include, transitively, with itself."""
    seen, todo = set(), [folder]
    while todo:
        current = todo.pop()
        if current not in seen:
            seen.add(current)
            todo += rules.MAY_INCLUDE[current]
    return seen


def folder_of_include(name):
    """The folder of ours that "mesh/mesh.hpp", "node/node.hpp" or "tracker/page/page.hpp" lies in."""
    first = name.split("/")[0]
    return next((folder for folder in (os.path.dirname(name), f"src/{first}", first) if folder in rules.MAY_INCLUDE), None)


def matches(path, patterns):
    return any(path.startswith(pattern) if pattern.endswith("/") else fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def namespace_of(folder):
    name = os.path.basename(folder)
    return "shoal" if name == "base" else f"shoal::{name}"


def within(namespace, outer):
    return namespace == outer or namespace.startswith(outer + "::")


class Check:
    def __init__(self, root):
        self.root = root
        self.violations = []

    def report(self, path, line, message):
        self.violations.append(f"{path}:{line}: {message}")

    def run(self):
        for folder in sorted(rules.MAY_INCLUDE):
            self.folder(folder)
        self.unknown_folders()
        if os.path.exists(os.path.join(self.root, rules.MAIN)):
            self.main()
        self.cmake()
        return self.violations

    def lines(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8") as file:
            return file.read().split("\n")

    def sources(self, folder):
        directory = os.path.join(self.root, folder)
        if not os.path.isdir(directory):
            return []
        return [f"{folder}/{name}" for name in sorted(os.listdir(directory)) if name.endswith((".cpp", ".hpp", ".h", ".cc"))]

    def folder(self, folder):
        for path in self.sources(folder):
            lines = self.lines(path)
            includes = [(number, *match.groups()) for number, line in enumerate(lines, 1) if (match := INCLUDE.match(line))]
            for number, kind, name in includes:
                self.include(folder, path, number, kind, name)
            self.form(path, lines, includes)
            self.namespaces(folder, path, lines)

    def include(self, folder, path, number, kind, name):
        if kind == "<":
            return self.fence(path, number, name)
        target = folder_of_include(name)
        if target is None:
            return self.fence(path, number, name) or self.report(path, number, f'"{name}" is in no folder of ours: write "folder/file.hpp"')
        if target not in reachable(folder):
            return self.report(path, number, f"{folder} may not include {target} ({name})")
        if name in rules.RESTRICTED and not matches(path, rules.RESTRICTED[name]):
            self.report(path, number, f"{name} is only for {', '.join(rules.RESTRICTED[name])}")

    def fence(self, path, number, name):
        """True when the header belongs to a fenced library, whether or not this file may see it."""
        start = max((start for start in rules.FENCES if name.startswith(start)), key=len, default=None)
        if start is None:
            return False
        if not matches(path, rules.FENCES[start]):
            allowed = ", ".join(rules.FENCES[start]) or "nobody here"
            self.report(path, number, f"<{name}> is fenced: {allowed} may include it")
        return True

    def form(self, path, lines, includes):
        """A header has #pragma once; a source includes its own header first."""
        if path.endswith(".hpp"):
            if "#pragma once" not in lines:
                self.report(path, 1, "a header needs #pragma once")
            return
        own = path.removesuffix(".cpp") + ".hpp"
        if not os.path.exists(os.path.join(self.root, own)):
            return
        expected = own.removeprefix("src/")
        if not includes or includes[0][2] != expected:
            self.report(path, includes[0][0] if includes else 1, f'the own header comes first: "{expected}"')

    def namespaces(self, folder, path, lines):
        own = namespace_of(folder)
        opened = [(number, match[1]) for number, line in enumerate(lines, 1) if (match := NAMESPACE.match(line))]
        if not any(within(name, own) for _, name in opened):
            self.report(path, 1, f"the namespace of this folder is {own}")
        allowed = [namespace_of(target) for target in reachable(folder) if target != "src/base"] + ["shoal"]
        known = {namespace_of(target) for target in rules.MAY_INCLUDE}
        for number, name in opened:
            outer = next((each for each in known if each != "shoal" and within(name, each)), None)
            if outer is not None and outer not in allowed:
                self.report(path, number, f"{folder} may not know {outer}")

    def unknown_folders(self):
        """Every folder of src has a line in the table, and no folder inside itself."""
        for parent, _, names in os.walk(os.path.join(self.root, "src")):
            folder = os.path.relpath(parent, self.root)
            if folder not in rules.MAY_INCLUDE and any(name.endswith((".cpp", ".hpp")) and f"{folder}/{name}" != rules.MAIN for name in names):
                self.report(folder, 1, "this folder has no line in tests/architecture/rules.py")

    def main(self):
        for number, line in enumerate(self.lines(rules.MAIN), 1):
            match = INCLUDE.match(line)
            if match and match[1] == '"' and match[2] not in rules.MAIN_MAY_INCLUDE:
                self.report(rules.MAIN, number, f"main only gathers commands: it may not include {match[2]}")

    def cmake(self):
        path = "CMakeLists.txt"
        if not os.path.exists(os.path.join(self.root, path)):
            return
        for number, line in enumerate(self.lines(path), 1):
            if match := LIBRARY.match(line):
                self.library(path, number, match[1], match[2], re.findall(r"\bshoal_(\w+)", match[3]))

    def library(self, path, number, name, folder, links):
        if folder not in rules.MAY_INCLUDE:
            return self.report(path, number, f"target shoal_{name}: {folder} has no line in tests/architecture/rules.py")
        for link in links:
            target = rules.TARGET_FOLDERS.get(link) or next((f for f in (f"src/{link}", link) if f in rules.MAY_INCLUDE), None)
            if target is not None and target not in reachable(folder):
                self.report(path, number, f"shoal_{name} may not link shoal_{link}")
            if name not in rules.RESTRICTED_TARGETS.get(link, [name]):
                self.report(path, number, f"only {', '.join(rules.RESTRICTED_TARGETS[link])} may link shoal_{link}")


# --- the check of the check ---

CLEAN = {
    "src/base/result.hpp": "#pragma once\n#include <string>\nnamespace shoal {\n}\n",
    "src/base/asio.hpp": "#pragma once\n#include <boost/asio.hpp>\nnamespace shoal {\n}\n",
    "src/identity/authority.hpp": '#pragma once\n#include "base/result.hpp"\nnamespace shoal::identity {\n}\n',
    "src/swarm/swarm.hpp": '#pragma once\n#include "base/result.hpp"\nnamespace shoal::swarm {\n}\n',
    "src/swarm/swarm.cpp": '#include "swarm/swarm.hpp"\n#include <libtorrent/session.hpp>\nnamespace shoal::swarm {\n}\n',
    "tracker/tracker.cpp": '#include "identity/authority.hpp"\nnamespace shoal::tracker {\n}\n',
    "CMakeLists.txt": "shoal_library(tracker tracker PUBLIC shoal_registry shoal_authority)\n",
}

# What is planted, and where it must be found.
PLANTED = [
    ("src/base/bad.hpp", '#pragma once\n#include "mesh/mesh.hpp"\nnamespace shoal {\n}\n', 2, "may not include src/mesh"),
    ("src/manifest/bad.hpp", '#pragma once\n\n#include "identity/token.hpp"\nnamespace shoal::manifest {\n}\n', 3, "may not include src/identity"),
    ("node/bad.cpp", '#include "seeder/seeder.hpp"\nnamespace shoal::node {\n}\n', 1, "may not include seeder"),
    ("tracker/bad.cpp", '#include "swarm/swarm.hpp"\nnamespace shoal::tracker {\n}\n', 1, "may not include src/swarm"),
    ("node/bad.cpp", '#include "identity/authority.hpp"\nnamespace shoal::node {\n}\n', 1, "identity/authority.hpp is only for"),
    ("node/bad.cpp", "namespace shoal::node {\n}\n#include <libtorrent/session.hpp>\n", 3, "is fenced"),
    ("tracker/bad.cpp", "#include <sqlite3.h>\nnamespace shoal::tracker {\n}\n", 1, "is fenced"),
    ("src/swarm/bad.cpp", "#include <openssl/ssl.h>\nnamespace shoal::swarm {\n}\n", 1, "is fenced"),
    ("src/mesh/bad.cpp", "#  include <boost/asio/ip/tcp.hpp>\nnamespace shoal::mesh {\n}\n", 1, "is fenced"),
    ("src/cli/bad.hpp", "#pragma once\n#include <CLI/CLI.hpp>\nnamespace shoal::cli {\n}\n", 2, "is fenced"),
    ("src/http/bad.cpp", "#include <spdlog/spdlog.h>\nnamespace shoal::http {\n}\n", 1, "is fenced"),
    ("src/store/bad.cpp", '#include "toml++/toml.h"\nnamespace shoal::store {\n}\n', 1, "is fenced"),
    ("src/store/bad.cpp", '#include "bad.hpp"\nnamespace shoal::store {\n}\n', 1, "is in no folder of ours"),
    ("src/store/bad.cpp", "namespace shoal::swarm {\n}\n", 1, "the namespace of this folder is shoal::store"),
    ("src/store/bad.cpp", "namespace shoal::store {\n}\nnamespace shoal::swarm { class Swarm; }\n", 3, "may not know shoal::swarm"),
    ("src/store/bad.hpp", "namespace shoal::store {\n}\n", 1, "#pragma once"),
    ("src/swarm/swarm.cpp", '#include <string>\n#include "swarm/swarm.hpp"\nnamespace shoal::swarm {\n}\n', 1, "own header comes first"),
    ("src/attic/bad.cpp", "namespace shoal::attic {\n}\n", 1, "no line in tests/architecture/rules.py"),
    ("src/main.cpp", '#include "tracker/commands.hpp"\n#include "tracker/database.hpp"\n', 2, "main only gathers commands"),
    ("CMakeLists.txt", "# links\nshoal_library(cli src/cli PUBLIC shoal_base shoal_mesh)\n", 2, "shoal_cli may not link shoal_mesh"),
    ("CMakeLists.txt", "shoal_library(node node PUBLIC shoal_swarm shoal_authority)\n", 1, "only tracker may link shoal_authority"),
]


def write_tree(root, files):
    for path, text in files.items():
        full = os.path.join(root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)


def violations_of(files):
    with tempfile.TemporaryDirectory() as root:
        write_tree(root, files)
        return Check(root).run()


def self_test():
    failures = [f"clean sources are reported: {found}" for found in violations_of(CLEAN)]
    for path, text, line, message in PLANTED:
        found = violations_of({**CLEAN, path: text})
        place = path if path.startswith("CMake") or "/attic/" not in path else os.path.dirname(path)
        if not any(each.startswith(f"{place}:{line}: ") and message in each for each in found):
            failures.append(f"not found: {place}:{line} ({message}); found: {found}")
    print("\n".join(failures) if failures else f"{len(PLANTED)} planted violations, all found")
    return 1 if failures else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    found = Check(root).run()
    print("\n".join(found) if found else "the sources keep to the rules")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
