#!/usr/bin/env bash
# Installs what is needed, builds, and runs every test through ctest.
#   scripts/test.sh                      the release and asan presets
#   scripts/test.sh PRESET...            others: dev, tsan (see CMakePresets.json)
# Stops at the first preset that fails, so that the last lines are always the summary that matters.
set -euo pipefail
cd "$(dirname "$0")/.."

jobs=$(nproc)
((jobs >= 2)) || jobs=2
presets=("$@")
((${#presets[@]})) || presets=(release asan)

# A compiler cache, where there is one, serves every clone.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1

bash scripts/install-deps.sh --tests
for preset in "${presets[@]}"; do
  echo "== $preset: configure and build"
  cmake --preset "$preset"
  cmake --build --preset "$preset" -j "$jobs"
  echo "== $preset: test"
  ctest --preset "$preset" -j "$jobs" --output-on-failure
done
