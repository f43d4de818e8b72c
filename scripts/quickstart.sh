#!/usr/bin/env bash
# From nothing to a fleet at work: installs what is needed, builds, then a tracker, a seeder and ten nodes fetch two checkpoints.
#   scripts/quickstart.sh [--nodes N] [--size SIZE] [--keep] [--json]
set -euo pipefail
cd "$(dirname "$0")/.."

# A compiler cache, where there is one, serves every clone.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1

bash scripts/install-deps.sh
echo "== build (release)" >&2
cmake --preset release >&2
cmake --build --preset release --target shoal -j "$(nproc)" >&2
exec python3 scripts/quickstart.py --shoal build/release/bin/shoal "$@"
