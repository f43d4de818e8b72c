#!/usr/bin/env bash
# Installs dependencies, runs the checks that need no build (scripts/check.sh), builds, and runs the tests through ctest
# (docs/testing.md says what runs where).
#   scripts/test.sh              what every change must pass: the presets release and asan, without the tests labelled nightly
#   scripts/test.sh --all        those, the nightly tests, a build that compiles each source alone (preset dev), and the tests of
#                                threads (preset tsan)
#   scripts/test.sh PRESET...    one preset after the other, see CMakePresets.json
# Stops at the first preset that fails, so that the last lines are always the summary that matters. Before it come the ten slowest tests.
set -euo pipefail
cd "$(dirname "$0")/.."

jobs=$(nproc)
((jobs >= 2)) || jobs=2

# Lets a compiler cache serve every clone.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1

# build PRESET [TARGET...]: several sources in one compile (decision 0011), except in dev, which shows that each compiles alone.
build() {
  local preset=$1
  shift
  echo "== $preset: configure and build"
  local unity=ON
  [[ $preset != dev ]] || unity=OFF
  cmake --preset "$preset" -DSHOAL_UNITY="$unity"
  cmake --build --preset "$preset" -j "$jobs" ${@:+--target "$@"}
}

# Passes ctest's output on and puts the ten slowest tests before its summary.
with_slowest() {
  awk '
    $0 ~ /Test +#[0-9]+: / && $NF == "sec" { seconds[$0] = $(NF - 1) }
    / tests passed, / {
      print "The slowest:"
      for (rank = 0; rank < 10; ++rank) {
        slowest = ""
        for (line in seconds) if (slowest == "" || seconds[line] + 0 > seconds[slowest] + 0) slowest = line
        if (slowest == "") break
        name = slowest; sub(/.*Test +#[0-9]+: /, "", name); sub(/ .*/, "", name)
        printf "%9.1f s  %s\n", seconds[slowest], name
        delete seconds[slowest]
      }
      print ""
    }
    { print; fflush() }'
}

# run PRESET ARGUMENT...: the tests that the arguments choose.
run() {
  local preset=$1
  shift
  echo "== $preset: test"
  # One more than there are cores, so that a test that waits leaves none idle. Those with the highest COST start first.
  ctest --preset "$preset" -j "$((jobs + 1))" --output-on-failure "$@" | with_slowest
}

bash scripts/install-deps.sh --tests
bash scripts/check.sh
case "${1:-}" in
  '')
    for preset in release asan; do
      build "$preset"
      run "$preset" -LE nightly
    done
    ;;
  --all)
    build dev
    build tsan {unit,integration}_{mesh,swarm,http} unit_{store,node,fanout}
    run tsan -R '^(unit|integration)\.(mesh|swarm|store|http|node|fanout)(\.|$)'
    for preset in asan release; do
      build "$preset"
      run "$preset"
    done
    ;;
  *)
    for preset in "$@"; do
      build "$preset"
      run "$preset"
    done
    ;;
esac
