"""Mistakes that people make, as a table: each message names the thing and the next step, has an exit code that the command's help shows,
and leaves nothing behind. These need no fleet."""
import json
import os
import shlex
import subprocess
import tempfile
import unittest

# The command line, the exit code, and what the message must say. D is an empty directory.
MISTAKES = [
    ("pul", 2, "shoal pull"), ("download acme/llama", 2, "shoal pull"), ("login", 2, "shoal join"), ("ls", 2, "shoal models"),
    ("list", 2, "shoal nodes list"), ("node status", 2, "'shoal status'"), ("node list", 2, "shoal nodes list"), ("rm acme/llama", 2, "shoal remove"),
    ("nodes", 2, "needs one of these commands"), ("channel", 2, "needs one of these commands"), ("channel mov", 2, "shoal channel"),
    ("xyzzy", 2, "shoal --help"), ("pull", 2, "REF is missing"), ("pull acme/llama --sed-for 1m", 2, "'--seed-for'"),
    ("pull acme/llama extra", 2, "unexpected argument 'extra'"), ("pull llama", 2, "'llama' is not a model name: write it as org/name"),
    ("pull acme/llama@", 2, "is not a version"), ("pull acme/llama:Main", 2, "lower-case"), ("pull acme/llama --to", 2, "--to needs a value"),
    ("pull acme/llama --to=", 2, "leave the option out"), ("pull acme/llama --seed-for 10", 2, "end it with ms, s, m"),
    ("pull acme/llama --upload-limit 20Mb", 2, "write MB for megabytes"), ("pull acme/llama --upload-limit 10%", 2, "such as 4GiB or 500MB"),
    ("pull acme/llama --listen 7000", 2, "0.0.0.0:7000"), ("pull acme/llama --log-level loud", 2, "debug, info, warn"),
    ("pull acme/llama --config D/none.toml", 2, "none.toml"), ("pull acme/llama --state D/none", 12, "shoal join"),
    ("status --state D/none", 12, "shoal join"), ("publish", 2, "SRC is missing"), ("publish D", 2, "ORG/NAME@VERSION is missing"),
    ("publish D acme/llama", 2, "acme/llama@1.0"), ("publish D acme/llama@1.0 --version 2", 2, "alone"),
    ("publish D --model acme/llama", 2, "acme/llama@1.0"), ("publish D acme/llama@1.0 --label x", 2, "KEY=VALUE"),
    ("publish D acme/llama@1.0 --directed maybe", 2, "yes, no"), ("channel set acme/llama@1.0 1.0 --state D/none", 2, "acme/llama:main"),
    ("channel set acme/llama:main", 2, "VERSION is missing"), ("channel set acme/llama acme/other@1.0", 2, "no version of acme/llama"),
    ("channel set acme/llama 1.0 --percent 200", 2, "0 to 100"), ("channel renew", 2, "--all"),
    ("release withdraw acme/llama --reason x", 2, "acme/llama@1.0"), ("release withdraw acme/llama@1.0", 2, "--reason"),
    ("token create --role nodes", 2, "node, seeder, publisher, admin"), ("token create --role node --uses 0 --state D/none", 2, "--uses"),
    ("fleet init --keys D/k --state D/s --tracker tracker.example", 2, "https://"), ("fleet init --keys D/k --state D/s", 2, "--tracker"),
    ("join", 2, "--token-file"), ("join hello --state D/j", 2, "token"), ("nodes list --in-state broken", 2, "failed, halted"),
    ("follow acme/llama@1.0", 2, "names one version"), ("node run --hook reload", 2, "hook"), ("limit", 2, "--download"),
    ("completion fish", 2, "bash, zsh"), ("config show nod", 2, "node, seeder, tracker"), ("pin", 2, "--list"),
]


def shown_codes():
    done = subprocess.run([os.environ["SHOAL"], "help", "--json"], capture_output=True, text=True, check=True)
    return {command["path"]: command["exit_codes"] for command in json.loads(done.stdout)["commands"]}


class Messages(unittest.TestCase):
    def test_every_mistake(self):
        codes = shown_codes()
        clean = {key: value for key, value in os.environ.items() if not key.startswith("SHOAL")}
        for line, code, text in MISTAKES:
            with self.subTest(line=line), tempfile.TemporaryDirectory() as directory:
                words = shlex.split(line.replace("D/", directory + "/").replace(" D", " " + directory))
                done = subprocess.run([os.environ["SHOAL"], *words], capture_output=True, text=True, env=clean, stdin=subprocess.DEVNULL,
                                      timeout=20, check=False)
                self.assertEqual((done.returncode, done.stdout), (code, ""), done.stderr)
                self.assertIn(text, done.stderr)
                self.assertEqual(os.listdir(directory), [])
                command = next((path for path in (" ".join(words[:2]), words[0]) if path in codes), None)
                if command:
                    self.assertIn(code, codes[command])


if __name__ == "__main__":
    unittest.main()
