"""Renders the templates of packaging/helm as Helm does, for the few words that they use: values, if/end, toYaml, toJson, nindent, sha256sum.

Anything else is an error, so that a template cannot do what no test has seen. `unused()` names values that no template reads.
"""
import hashlib
import json
import os
import re

import yaml

TOKEN = re.compile(r"(\s*\{\{-|\{\{)\s*(.*?)\s*(-\}\}\s*|\}\})", re.S)


class Chart:
    def __init__(self, directory):
        self.directory = directory
        with open(os.path.join(directory, "Chart.yaml"), encoding="utf-8") as file:
            self.about = yaml.safe_load(file)
        with open(os.path.join(directory, "values.yaml"), encoding="utf-8") as file:
            self.values = yaml.safe_load(file)
        self._read = set()

    def templates(self):
        return sorted(os.listdir(os.path.join(self.directory, "templates")))

    def render(self, name, values=None, namespace="models"):
        with open(os.path.join(self.directory, "templates", name), encoding="utf-8") as file:
            text = file.read()
        self._scope = {"Values": values or self.values, "Release": {"Namespace": namespace, "Name": "shoal"}}
        out, shown, at = [], [True], 0
        for match in TOKEN.finditer(text):
            if shown[-1]:
                out.append(text[at:match.start()])
            at = match.end()
            if match[2].startswith("if "):
                shown.append(shown[-1] and bool(self._value(match[2][3:])))
            elif match[2] == "end":
                shown.pop()
            elif shown[-1]:
                out.append(self._piped(match[2]))
        assert shown == [True], f"{name}: an if without its end"
        return "".join(out) + text[at:]

    def _value(self, path):
        assert re.fullmatch(r"(\.\w+)+", path), f"not in the subset: {path}"
        found = self._scope
        for part in path[1:].split("."):
            assert part in found, f"{path} is no value"
            found = found[part]
        self._read.add(path)
        return found

    def _piped(self, expression):
        value = None
        for number, call in enumerate(expression.split("|")):
            word, *arguments = call.split()
            argument = self._value(arguments[0]) if number == 0 and arguments else value
            if number == 0 and not arguments:
                value = self._value(word)
            elif word == "toYaml":
                value = yaml.safe_dump(argument, default_flow_style=False).rstrip("\n")
            elif word == "toJson":
                value = json.dumps(argument)
            elif word == "sha256sum":
                value = hashlib.sha256(value.encode()).hexdigest()
            elif word == "nindent":
                value = "\n" + "\n".join(" " * int(arguments[0]) + line for line in value.split("\n"))
            else:
                raise AssertionError(f"not in the subset: {word}")
        return str(value)

    def unused(self):
        """Paths of values that no template has read so far."""
        def leaves(value, path):
            if any(path == read or path.startswith(read + ".") for read in self._read):
                return []
            if not isinstance(value, dict):
                return [path]
            return [leaf for key, inner in value.items() for leaf in leaves(inner, f"{path}.{key}")]

        return leaves(self.values, ".Values")
