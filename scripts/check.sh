#!/usr/bin/env bash
# The checks that need no build: style, includes, links, language and spelling. They take seconds; scripts/test.sh runs them first.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "== style, includes, links, language, spelling"
bash scripts/format.sh --check
python3 tests/architecture/check_includes.py
python3 tests/architecture/check_cycles.py | tail -n 1
python3 tests/architecture/check_links.py
python3 tests/architecture/check_language.py
codespell
