#!/usr/bin/env bash
# Formats the C++ sources with clang-format 14.
#   scripts/format.sh            rewrites the files
#   scripts/format.sh --check    changes nothing; exits 1 and names what would change
set -euo pipefail
cd "$(dirname "$0")/.."

command -v clang-format > /dev/null || {
  echo "format: clang-format is missing: apt-get install clang-format" >&2
  exit 2
}
mode=(-i)
[[ ${1:-} == --check ]] && mode=(--dry-run -Werror)
git ls-files -z --cached --others --exclude-standard -- '*.cpp' '*.hpp' | xargs -0 --no-run-if-empty clang-format "${mode[@]}"
