#!/usr/bin/env bash
# From nothing to a working fleet: installs dependencies, builds, and starts a tracker, a seeder and ten nodes that fetch two checkpoints.
#   scripts/quickstart.sh [--nodes N] [--size SIZE] [--keep] [--json]
set -euo pipefail
cd "$(dirname "$0")/.."

# Lets a compiler cache serve every clone.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1

bash scripts/install-deps.sh
echo "== build (release)" >&2
cmake --preset release >&2
cmake --build --preset release --target shoal -j "$(nproc)" >&2
exec python3 scripts/quickstart.py --shoal build/release/bin/shoal "$@"
