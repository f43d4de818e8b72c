"""The commands of a page, as a reader meets them: in order, with the place where each is to be typed.

    for step in Guide("docs/first-hour.md").steps("2. The tracker"): step.place, step.command, step.keeps_running

A place is what "On the tracker's host", "On each node" and the like name, in a comment of the block or in the text before it. A block goes on
at the place of the one before it. Lines of a configuration ("follow = [...]") are steps as well.
"""
import collections
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PLACES = {"tracker": r"\bOn the (tracker's|control) host\b", "seeder": r"\bOn the seeder\b", "nodes": r"\bOn each node\b",
          "all": r"\b[Oo]n each machine\b|to every machine and install it there", "anywhere": r"\b[Oo]n one Debian 12 machine\b|Build the p(rogram|ackage)"}

Step = collections.namedtuple("Step", "heading place command comment")


def place_in(text, before):
    """The last place that the text names."""
    found = [(match.start(), name) for name, pattern in PLACES.items() for match in re.finditer(pattern, text)]
    return max(found)[1] if found else before


class Guide:
    def __init__(self, path, first_place=""):
        with open(os.path.join(ROOT, path), encoding="utf-8") as file:
            self._lines = file.read().split("\n")
        self._all, self._place, self._heading = [], first_place, ""
        self._read()

    def steps(self, *headings):
        """All, or those under these headings."""
        found = [step for step in self._all if not headings or step.heading in headings]
        assert found, f"no commands under {headings}"
        return found

    def _read(self):
        fenced, said, pending = False, "", ""
        for line in self._lines:
            if line.startswith("```"):
                fenced = not fenced
                continue
            if not fenced and line.startswith("#"):
                self._heading = line.lstrip("# ")
            if fenced or line.startswith("    "):
                self._place, said = place_in(said, self._place), ""
                pending = self._take(pending + line.strip())
            else:
                said += " " + line

    def _take(self, line):
        """The beginning of a line that goes on in the next one."""
        if line.endswith("\\"):
            return line[:-1]
        if line.startswith("#"):
            self._place = place_in(line, self._place)
            return ""
        command, _, comment = re.sub(r"\s{2,}#", "\x00", line, count=1).partition("\x00")
        if command:
            self._all.append(Step(self._heading, self._place, command.strip(), comment.strip()))
        return ""
