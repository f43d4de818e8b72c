"""Divides the sources of one target into groups that are compiled as one file each (see ShoalUnity.cmake).

    unity_groups.py SIZE FILE...

Prints one line for each group: its files, separated by semicolons. Two files that give the same name to something of their own (in an
anonymous namespace) are never in one group, so no source has to know of the others. The order of the files decides, nothing else does.
"""

import pathlib
import re
import sys

TYPE = re.compile(r"(?:(?:struct|class|enum class|enum)\s+(\w+)|using\s+(\w+)\s*=)")
NO_OWN_NAME = ("namespace ", "using ")  # namespaces and aliases of them may be repeated
# "constexpr std::size_t limit = 5;", "Result<Json> decode(", "std::string shown(const Path& path) {"
VALUE = re.compile(r"[\w:<>,&*\s\[\]]+?[\s&*](\w+)\s*[(={;\[]")


def own_names(text: str) -> set:
    """What a file declares at the start of a line, inside anonymous namespaces. clang-format indents all that is further in."""
    names = set()
    inside = False
    for line in text.splitlines():
        if line.startswith("namespace {"):
            inside = True
        elif re.match(r"}\s*// namespace$", line):
            inside = False
        elif (inside or line.startswith("static ")) and line[:1].isalpha():
            found = TYPE.match(line)
            if not found and not line.startswith(NO_OWN_NAME):
                found = VALUE.match(line)
            if found:
                names.add(found.group(found.lastindex))
    return names


def groups(files: list, size: int) -> list:
    made = []  # (names, files)
    for file in files:
        names = own_names(pathlib.Path(file).read_text(encoding="utf-8"))
        for taken, members in made:
            if len(members) < size and not (taken & names):
                taken |= names
                members.append(file)
                break
        else:
            made.append((names, [file]))
    return [members for _, members in made]


if __name__ == "__main__":
    for group in groups(sys.argv[2:], int(sys.argv[1])):
        print(";".join(group))
