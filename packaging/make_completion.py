#!/usr/bin/env python3
"""Completion for bash and zsh from the help texts: commands, options, and what a value is.

    make_completion.py SHOAL bash|zsh > FILE
"""
import re
import sys

sys.dont_write_bytecode = True
import help_data  # noqa: E402

FILES = {"FILE", "SRC"}
DIRECTORIES = {"DIR"}
LEVELS = "debug info warn error off"


def kind_of(entry):
    """How a value is completed: file, directory, words ("yes no"), nothing."""
    value = entry["value"]
    if entry["name"] == "--log-level":
        return LEVELS
    if "|" in value:
        return value.replace("|", " ")
    return "directory" if value in DIRECTORIES else "file" if value in FILES or "KEY" == value else "nothing"


def groups(data):
    """{"": [first words], "channel": [second words]}."""
    found = {"": []}
    for command in data["commands"]:
        words = command["path"].split()
        for depth, word in enumerate(words):
            into = found.setdefault(" ".join(words[:depth]), [])
            if word not in into:
                into.append(word)
    return found


def bash(data):
    lines = ["# bash completion for shoal; made from its help texts.", "_shoal() {",
             "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} path= i",
             "  for ((i = 1; i < COMP_CWORD; i++)); do", "    case \"$path ${COMP_WORDS[i]}\" in"]
    paths = sorted({" ".join(command["path"].split()[:depth + 1]) for command in data["commands"] for depth in range(len(command["path"].split()))})
    lines.append("      " + " | ".join(f'" {path}"' for path in paths) + ") path=\"$path ${COMP_WORDS[i]}\" ;;")
    lines += ["    esac", "  done", "  case \"$path:$before\" in"]
    for command in data["commands"]:
        for entry in command["options"]:
            if not entry["value"]:
                continue
            kind = kind_of(entry)
            action = {"directory": "compgen -d", "file": "compgen -f", "nothing": ""}.get(kind, f'compgen -W "{kind}"')
            reply = f'mapfile -t COMPREPLY < <({action} -- "$word")' if action else "COMPREPLY=()"
            lines.append(f'    " {command["path"]}:{entry["name"]}") {reply}; return ;;')
    lines += ["  esac", "  local words=", "  case \"$path\" in"]
    for group, words in groups(data).items():
        lines.append(f'    "{" " + group if group else ""}") words="{" ".join(words)}" ;;')
    for command in data["commands"]:
        names = " ".join(entry["name"] for entry in command["options"])
        files = "; mapfile -t COMPREPLY < <(compgen -f -- \"$word\")" if any(each["name"] in FILES for each in command["positionals"]) else ""
        lines.append(f'    " {command["path"]}") words="{names}"{files} ;;')
    lines += ["  esac", "  mapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen -W \"$words\" -- \"$word\")", "}",
              "complete -o filenames -F _shoal shoal", ""]
    return "\n".join(lines)


def zsh_text(text):
    return re.sub(r"([\[\]:'\"`$\\])", lambda match: {"'": "", '"': "", "`": "", "$": ""}.get(match[1], "\\" + match[1]), " ".join(text.split()))


def zsh(data):
    lines = ["#compdef shoal", "# Made from the help texts of shoal.", "", "_shoal() {", "  local path= word",
             "  for word in ${words[2,CURRENT-1]}; do", "    case \"$path $word\" in"]
    paths = sorted({" ".join(command["path"].split()[:depth + 1]) for command in data["commands"] for depth in range(len(command["path"].split()))})
    lines.append("      " + "|".join(f'" {path}"' for path in paths) + ") path=\"$path $word\" ;;")
    lines += ["    esac", "  done", "  case \"$path\" in"]
    summaries = {command["path"]: command["summary"] for command in data["commands"]}
    for group, names in groups(data).items():
        rows = " ".join(f"'{name}:{zsh_text(summaries.get((group + ' ' + name).strip(), 'commands'))}'" for name in names)
        lines += [f'    "{" " + group if group else ""}")', f"      local -a commands=({rows})", "      _describe command commands ;;"]
    for command in data["commands"]:
        lines.append(f'    " {command["path"]}")')
        rows = []
        for entry in command["options"]:
            star = "*" if entry["repeatable"] else ""
            kind = kind_of(entry)
            action = {"directory": "_files -/", "file": "_files", "nothing": " "}.get(kind, f"({kind})")
            value = f":{zsh_text(entry['value']).lower()}:{action}" if entry["value"] else ""
            rows.append(f"'{star}{entry['name']}[{zsh_text(entry['help'])}]{value}'")
        action = "_files" if any(each["name"] in FILES for each in command["positionals"]) else " "
        rows.append(f"'*:argument:{action}'")
        lines.append("      _arguments \\\n        " + " \\\n        ".join(rows) + " ;;")
    lines += ["  esac", "}", "", "_shoal \"$@\"", ""]
    return "\n".join(lines)


def main():
    if len(sys.argv) != 3 or sys.argv[2] not in ("bash", "zsh"):
        sys.exit(__doc__)
    print({"bash": bash, "zsh": zsh}[sys.argv[2]](help_data.load(sys.argv[1])), end="")


if __name__ == "__main__":
    main()
