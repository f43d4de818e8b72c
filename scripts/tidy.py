#!/usr/bin/env python3
"""Runs clang-tidy over the product's sources, with the checks of .clang-tidy.

    scripts/tidy.py [WORD...]   only the compiles whose target or sources have one of the words in their names, such as mesh

Reads build/release/compile_commands.json: configure with -DSHOAL_UNITY=ON, so that eight sources are parsed as one. A compile that was clean is
not checked again while its sources, the headers of ours that they include and the checks stay the same; ~/.cache/shoal-tidy remembers that.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "release"
SHIM = ROOT / "scripts" / "clang14_coroutines.hpp"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "shoal-tidy"
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)
# What GCC understands and clang does not is left out; clang's own warnings are not asked for.
CLANG = ["-Wno-everything", "-fcoroutines-ts", "-DBOOST_ASIO_HAS_CO_AWAIT=1", "-DBOOST_ASIO_HAS_STD_COROUTINE=1", "-include", str(SHIM)]
FILTER = "(src|tracker|seeder|node|publisher)/.*"  # whose findings count
# Not ours to change, or not part of what users run.
LEFT_OUT = ("tests/", "bench/")


class Compile:
    def __init__(self, entry):
        words = shlex.split(entry["command"])
        self.directory, self.source = entry["directory"], pathlib.Path(entry["directory"], entry["file"])
        self.name = words[words.index("-o") + 1]
        self.flags = [word for word in words if re.match(r"-(?:[IDO]|std=|isystem)", word)]

    def sources(self):
        """The source and every file of ours that it includes, directly or not."""
        seen, todo = [], [self.source]
        while todo:
            path = todo.pop()
            if path in seen or not path.is_file():
                continue
            seen.append(path)
            todo += [folder / name for name in INCLUDE.findall(path.read_text(encoding="utf-8")) for folder in (ROOT / "src", ROOT)]
        return seen

    def key(self, version):
        digest = hashlib.sha256(json.dumps([version, FILTER, self.flags, CLANG]).replace(str(ROOT), "").encode())
        for path in [ROOT / ".clang-tidy", SHIM, *self.sources()]:
            digest.update(path.read_bytes().replace(str(ROOT).encode(), b"") + b"\0")
        return digest.hexdigest()

    def findings(self):
        command = ["clang-tidy", "--quiet", f"--header-filter={ROOT}/{FILTER}", str(self.source), "--", *self.flags, *CLANG]
        done = subprocess.run(command, cwd=self.directory, capture_output=True, text=True)
        return "" if done.returncode == 0 else done.stdout + done.stderr


def compiles(wanted):
    with open(BUILD / "compile_commands.json", encoding="utf-8") as file:
        every = [Compile(entry) for entry in json.load(file)]
    ours = [each for each in every if not each.name.startswith(LEFT_OUT) and not str(each.source.relative_to(ROOT)).startswith(LEFT_OUT)]
    return [each for each in ours if not wanted or any(word in " ".join([each.name, *map(str, each.sources()[:1])]) for word in wanted)]


def check(job, version):
    passed = CACHE / job.key(version)
    if passed.exists():
        return ""
    found = job.findings()
    if not found:
        passed.touch()
    return found


def main():
    if not (BUILD / "compile_commands.json").exists():
        print("tidy: configure first: cmake --preset release -DSHOAL_UNITY=ON", file=sys.stderr)
        return 2
    CACHE.mkdir(parents=True, exist_ok=True)
    version = subprocess.run(["clang-tidy", "--version"], capture_output=True, text=True, check=True).stdout
    jobs, bad = compiles(sys.argv[1:]), 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        under_way = {pool.submit(check, job, version): job for job in jobs}
        for done in concurrent.futures.as_completed(under_way):
            if done.result():
                bad += 1
                print(f"== {under_way[done].name}\n{done.result()}", flush=True)
    print(f"clang-tidy: {len(jobs) - bad} of {len(jobs)} compiles are clean")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
