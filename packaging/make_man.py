#!/usr/bin/env python3
"""Generates man pages from the help texts: shoal.1 and one page per command.

    make_man.py SHOAL DIRECTORY [--date YYYY-MM-DD]
"""
import argparse
import os
import re
import sys

sys.dont_write_bytecode = True
import help_data  # noqa: E402

SECTION = "1"


def escaped(text):
    """Text of ours as roff: no line begins a request, hyphens are those that can be copied."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga").replace("^", "\\(ha").replace("~", "\\(ti")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.M)


def head(name, version, date):
    return f'.TH "{name.upper()}" {SECTION} "{date}" "shoal {version}" "Shoal"\n'


def paragraphs(text):
    """Filled, but for indented lines and examples, which stay as they are."""
    out, example = [], False
    for line in text.split("\n"):
        is_example = line.startswith((" ", "Example"))
        if is_example != example:
            out.append(".PP\n.nf\n.RS 4" if is_example else ".RE\n.fi\n.PP")
            example = is_example
        if not line.strip():
            out.append(".PP" if not example else "")
        else:
            out.append(escaped(line.strip() if is_example else line))
    if example:
        out.append(".RE\n.fi")
    # A request of its own for each paragraph, and none twice.
    joined = re.sub(r"\n{2,}", "\n", "\n".join(out))
    return re.sub(r"(\.PP\n)+(?=\.PP\n)", "", joined).strip("\n") + "\n"


def bold(text):
    return f"\\fB{escaped(text)}\\fR"


def option(entry):
    names = ", ".join(bold(name) for name in (entry.get("short"), entry["name"]) if name)
    value = f" \\fI{escaped(entry['value'])}\\fR" if entry["value"] else ""
    notes = ["required"] if entry["required"] and not entry["default"] else []
    notes += [f"default: {entry['default']}"] if entry["default"] else []
    separated = {"newline": "one value a line", "comma": "separated by commas"}
    notes += [f"repeatable; in the variable {separated[entry['separator']]}"] if entry["repeatable"] else []
    notes += [f"variable: {entry['variable']}"] if entry["variable"] else []
    notes += [f"in the file: {entry['config_key']}"] if entry["config_key"] else []
    text = f".TP\n{names}{value}\n{escaped(' '.join(entry['help'].split()))}\n"
    return text + (f".br\n({escaped('; '.join(notes))})\n" if notes else "")


def exit_status(data, codes):
    rows = [each for each in data["exit_codes"] if each["code"] in codes]
    return ".SH EXIT STATUS\n" + "".join(f".TP\n.B {each['code']}\n{escaped(each['meaning'])}\n" for each in rows)


def see_also(names):
    return ".SH SEE ALSO\n" + ",\n".join(f".BR {escaped(name)} ({SECTION})" for name in names) + "\n"


def command_page(command, data, date):
    name = help_data.page_name(command)
    out = head(name, data["version"], date)
    out += f".SH NAME\n{escaped(name)} \\- {escaped(command['summary'])}\n"
    out += f".SH SYNOPSIS\n{bold(command['usage'])}\n"
    out += f".SH DESCRIPTION\n{paragraphs(command['details']) if command['details'] else escaped(command['summary']) + chr(10)}"
    if command["positionals"]:
        out += ".SH ARGUMENTS\n"
        for each in command["positionals"]:
            variable = f" (variable: {each['variable']})" if each["variable"] else ""
            out += f".TP\n\\fI{escaped(each['name'])}\\fR\n{escaped(each['help'])}{escaped(variable)}\n"
    out += ".SH OPTIONS\n" + "".join(option(entry) for entry in command["options"])
    out += ".PP\nA flag wins over its variable, that over the file of \\-\\-config, that over the default.\n"
    return out + exit_status(data, command["exit_codes"]) + see_also(["shoal"])


def overview_page(data, date):
    out = head("shoal", data["version"], date)
    out += ".SH NAME\nshoal \\- moves an AI checkpoint to a whole fleet, over mutual TLS, verified\n"
    out += ".SH SYNOPSIS\n.B shoal\n\\fICOMMAND\\fR [options]\n"
    out += (".SH DESCRIPTION\nA tracker introduces the machines of a fleet to each other, a seeder beside the storage publishes and serves checkpoints, and\n"
            "nodes fetch them from it and from each other. Each command has a page of its own.\n")
    for topic in data["topics"]:
        out += f".SS {topic}\n"
        for command in data["commands"]:
            if command["topic"] == topic:
                out += f".TP\n.BR {escaped(help_data.page_name(command))} ({SECTION})\n{escaped(command['summary'])}\n"
    out += ".SH OPTIONS\nThese apply to every command:\n" + "".join(option(entry) for entry in data["options"])
    out += (".SH FILES\n.TP\n.I /etc/shoal/tracker.toml, /etc/shoal/seeder.toml, /etc/shoal/node.toml\n"
            "Configuration of the services; every key is there with its default.\n.TP\n.I /var/lib/shoal\nThe state of this machine.\n")
    return out + exit_status(data, [each["code"] for each in data["exit_codes"]]) + see_also([help_data.page_name(command) for command in data["commands"]])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("shoal")
    parser.add_argument("directory")
    parser.add_argument("--date", default="")
    words = parser.parse_args()
    data = help_data.load(words.shoal)
    os.makedirs(words.directory, exist_ok=True)
    pages = {"shoal": overview_page(data, words.date)}
    pages |= {help_data.page_name(command): command_page(command, data, words.date) for command in data["commands"]}
    for name, text in pages.items():
        with open(os.path.join(words.directory, f"{name}.{SECTION}"), "w", encoding="utf-8") as file:
            file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
