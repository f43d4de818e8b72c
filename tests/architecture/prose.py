"""What people read in a tree of sources: paragraphs of documents, comments, and texts in C++ and Python."""
import bisect
import io
import os
import re
import tokenize

# What no person reads, or what others wrote.
LEFT_OUT = ("tests/data/", "LICENSE", "packaging/debian/copyright", "tests/architecture/prose.py", "tests/architecture/check_language")
COMMENTED = (".toml", ".cmake", ".sh", ".yaml", ".service", ".tmpfiles", ".txt")
CPP_TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<fence>[^(\s]*)\((?P<raw>.*?)\)(?P=fence)"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


class Passage:
    """A piece of prose, with the line that each of its parts stands on."""

    def __init__(self, parts):
        self.starts, self.lines, texts, length = [], [], [], 0
        for line, text in parts:
            self.starts.append(length)
            self.lines.append(line)
            texts.append(text)
            length += len(text) + 1
        self.original = " ".join(texts)
        self.text = without_code(self.original)

    def line_at(self, offset):
        return self.lines[bisect.bisect_right(self.starts, offset) - 1]


def joined(pieces):
    """Passages of (line, text) pieces, in order; a piece on the line after the one before continues it."""
    block = []
    for line, text in pieces:
        if block and line > block[-1][0] + 1:
            yield Passage(block)
            block = []
        if text.strip():
            block.append((line, text.strip()))
        elif block:
            yield Passage(block)
            block = []
    if block:
        yield Passage(block)


def without_code(text):
    """The same length, with `code` and the targets of links blanked."""
    return re.sub(r"`[^`]*`|\]\([^)]*\)|https?://\S+", lambda match: "x" * len(match[0]), text)


def markdown(text):
    pieces, fenced = [], False
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
            line = ""
        starts_anew = re.match(r"\s*(?:[-*] |\d+\. |\||#|$)", line)
        if starts_anew:
            pieces.append((number, ""))
        pieces.append((number, "" if fenced or line.startswith("#") else re.sub(r"^\s*(?:[-*] |\d+\. )", "", line)))
    return joined(pieces)


def hash_comments(text):
    found = ((number, re.match(r"\s*#(?!!)\s?(.*)", line)) for number, line in enumerate(text.split("\n"), 1))
    return joined((number, match[1]) for number, match in found if match)


def lines_of(first, text):
    return [(first + number, line) for number, line in enumerate(text.split("\n"))]


def cpp(text):
    comments, strings, line_of = [], [], Passage(list(enumerate(text.split("\n"), 1))).line_at
    end = 0
    for match in CPP_TOKEN.finditer(text):
        token, line = match[0], line_of(match.start())
        if token.startswith("//"):
            comments.append((line, re.sub(r"^/+<?", "", token)))
        elif token.startswith("/*"):
            comments += lines_of(line, re.sub(r"^ *\*", "", token[2:-2], flags=re.M))
        elif match["raw"] is not None:
            strings.append(lines_of(line, match["raw"]))
        elif token.startswith('"') and text[text.rfind("\n", 0, match.start()) + 1:].lstrip()[:8] != "#include":
            literal = (line, re.sub(r"\\n|\\t", " ", token[1:-1]))
            if strings and not text[end:match.start()].strip():
                strings[-1].append(literal)  # adjacent literals are one text
            else:
                strings.append([literal])
            end = match.end()
    yield from joined(comments)
    yield from (Passage(parts) for parts in strings)


def python(text):
    comments, strings = [], []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            comments.append((token.start[0], token.string.lstrip("#!")))
        elif token.type == tokenize.STRING:
            strings.append(lines_of(token.start[0], re.sub(r'^\w*("""|\'\'\'|"|\')|("""|\'\'\'|"|\')$', "", token.string)))
    yield from joined(comments)
    yield from (Passage(parts) for parts in strings)


READERS = {".md": markdown, ".cpp": cpp, ".hpp": cpp, ".py": python, **{ending: hash_comments for ending in COMMENTED}}


def passages(root, path):
    """What a person may read in this file. Texts of one word are names."""
    ending = os.path.splitext(path)[1]
    if ending not in READERS or path.startswith(LEFT_OUT):
        return
    with open(os.path.join(root, path), encoding="utf-8") as file:
        text = file.read()
    for passage in READERS[ending](text):
        if " " in passage.original.strip():
            yield passage
