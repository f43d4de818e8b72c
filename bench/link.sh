#!/usr/bin/env bash
# Compares one seeder and one node on loopback with curl over TLS 1.3 from nginx followed by openssl dgst. See link.py for the measurement.
#   bench/link.sh [--size-mb 2000] [--runs 3] [--json]
set -euo pipefail
cd "$(dirname "$0")/.."

bash scripts/install-deps.sh --bench >&2
cmake --preset release >&2
cmake --build --preset release --target shoal -j "$(nproc)" >&2
exec python3 bench/link.py --shoal build/release/bin/shoal "$@"
