#!/usr/bin/env python3
"""Measures the product's C++: lines, files, functions, parameters, nesting and comments (the table of docs/decisions/0033).

    scripts/measure.py [ROOT] [--longest N]

Finds functions by their braces, without a compiler: good for comparing trees and rooms, not to the line.
"""
import collections
import pathlib
import re
import statistics
import sys

ROOMS = ("src/*", "tracker", "seeder", "node", "publisher")
NO_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'|^[ \t]*#(?:[^\n]*\\\n)*[^\n]*', re.S | re.M)
CONTROL = re.compile(r"\s*(?:else\b\s*)?(?:if|for|while|switch|catch|else|do|try|case .*:|default\s*:)\b")
Function = collections.namedtuple("Function", "place name lines parameters nesting")


def blanked(text):
    """The same positions, without comments, texts and preprocessor."""
    return NO_CODE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def kind_of(head, inside):
    """The kind of scope that the brace after `head` opens."""
    if inside == "function":
        return "block"
    if re.search(r"\b(?:namespace|extern)\b[^()]*$", head):
        return "namespace"
    if re.search(r"\b(?:class|struct|union|enum)\b[^()=]*$", re.sub(r"<[^<>]*>|alignas\([^)]*\)", "", head)):
        return "class"
    if re.search(r"\)\s*(?:noexcept\s*)?:(?!:)", head) and re.search(r"\w\s*$", head):
        return "initialiser"  # of a member, before the body
    if "(" in head and not re.search(r"=\s*$", head) and not re.search(r"\]\s*$|\w\s*=\s*\[", head):
        return "function"
    return "other"


def parameters_of(head):
    """How many parameters; `head` ends where the body or the list of members begins."""
    start = head.find("(", head.find("operator()") + 10 if "operator()" in head else 0)
    depth, count, any_seen = 0, 1, False
    for c in head[start:]:
        depth += c in "(<[{"
        depth -= c in ")>]}"
        if depth == 0:
            break
        any_seen = any_seen or (depth > 0 and c not in "( \n")
        count += c == "," and depth == 1
    return count if any_seen else 0


def functions(text, place):
    code, stack, head_start, found = blanked(text), [], 0, []
    for match in re.finditer(r"[{};]", code):
        at, c = match.start(), match[0]
        inside = stack[-1][0] if stack else "namespace"
        head = code[head_start:at]
        if c == "{":
            in_function = any(entry[0] == "function" for entry in stack)
            kind = kind_of(head, "function" if in_function else inside)
            start = head_start + len(head) - len(head.lstrip())
            stack.append([kind, start, head, 1 if kind == "block" and CONTROL.match(head) else 0, 0])
            if kind == "block":
                depth = sum(entry[3] for entry in stack)
                owner = next(entry for entry in stack if entry[0] == "function")
                owner[4] = max(owner[4], depth)
        elif c == "}" and stack:
            kind, start, head, _, nesting = stack.pop()
            if kind == "function":
                name = re.search(r"([\w:~]+|operator\s*\S+?)\s*\(", head)
                line = code.count("\n", 0, start) + 1
                found.append(Function(f"{place}:{line}", name[1] if name else "?", code.count("\n", start, at) + 1, parameters_of(head), nesting))
            if kind == "initialiser" or kind == "other":
                continue  # the head goes on behind it
        if c == ";" and "(" in head and head.count("(") > head.count(")"):
            continue  # for (a; b; c)
        head_start = at + 1
    return found


def percentile(values, percent):
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def main():
    arguments = [word for word in sys.argv[1:] if word != "--longest"]
    longest = int(arguments.pop()) if "--longest" in sys.argv else 10
    root = pathlib.Path(arguments[0]) if arguments else pathlib.Path(__file__).resolve().parent.parent
    paths = sorted(path for room in ROOMS for path in root.glob(f"{room}/*") if path.suffix in (".cpp", ".hpp"))
    paths += sorted((root / "src").glob("*.cpp"))
    texts = {str(path.relative_to(root)): path.read_text(encoding="utf-8") for path in paths}
    lines = [text.count("\n") for text in texts.values()]
    every = [function for place, text in texts.items() for function in functions(text, place)]
    lengths = [function.lines for function in every]
    comments = sum(1 for text in texts.values() for line in text.split("\n") if re.match(r"\s*//", line))
    wide = sum(1 for text in texts.values() for line in text.split("\n") if len(line) > 120)
    print(f"files      {len(lines)}; lines {sum(lines)}; median {statistics.median(lines):.0f}, p90 {percentile(lines, 90)}, max {max(lines)}")
    print(f"functions  {len(every)}; lines: median {statistics.median(lengths):.0f}, p90 {percentile(lengths, 90)}, "
          f"p99 {percentile(lengths, 99)}, max {max(lengths)}; {100 * sum(length <= 40 for length in lengths) / len(lengths):.1f} % have 40 lines or fewer")
    print(f"parameters more than 5: {sum(function.parameters > 5 for function in every)} functions "
          f"({100 * sum(function.parameters > 5 for function in every) / len(every):.1f} %)")
    print(f"nesting    deepest {max(function.nesting for function in every)}; deeper than 3: {sum(function.nesting > 3 for function in every)}")
    print(f"comments   {100 * comments / sum(lines):.1f} % of the lines; wider than 120 columns: {wide} lines")
    for title, rows in (("longest functions", [(each.lines, f"{each.name} {each.place}") for each in every]),
                        ("largest files", [(text.count("\n"), place) for place, text in texts.items()])):
        print(f"{title}: " + " · ".join(f"{place} ({count})" for count, place in sorted(rows, reverse=True)[:longest]))


if __name__ == "__main__":
    main()
