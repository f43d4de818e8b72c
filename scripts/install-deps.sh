#!/usr/bin/env bash
# Installs the Debian 12 packages that building, testing and the quickstart need. Prints nothing if nothing is missing.
#   scripts/install-deps.sh              to build and to run the quickstart
#   scripts/install-deps.sh --tests      also the tests' packages (foreign BitTorrent clients, network tools)
#   scripts/install-deps.sh --bench      also the systems that the benchmarks compare with
set -euo pipefail

build=(build-essential cmake ninja-build ccache pkg-config git libtorrent-rasterbar-dev libboost-dev libssl-dev nlohmann-json3-dev
       doctest-dev libsqlite3-dev libcli11-dev libspdlog-dev libfmt-dev libxxhash-dev libtomlplusplus-dev libncurses-dev)
quickstart=(python3 pocketsphinx pocketsphinx-en-us espeak-ng sox)
bench=(aria2 curl ethtool gnuplot-nox iproute2 nginx-light openssl python3-libtorrent transmission-cli)
tests=(aria2 ca-certificates chromium clang-format codespell curl debhelper debootstrap ethtool faketime iproute2 lintian man-db openssl procps python3-yaml systemd
       systemd-container tmux util-linux zsh)

fail() {
  echo "install-deps: $*" >&2
  exit 1
}

wanted=("${build[@]}" "${quickstart[@]}")
case "${1:-}" in
  '') ;;
  --tests)
    wanted+=("${tests[@]}")
    # A node from elsewhere (nodesource) brings its own npm and conflicts with Debian's.
    command -v node > /dev/null || wanted+=(nodejs)
    command -v npm > /dev/null || wanted+=(npm)
    ;;
  --bench) wanted+=("${bench[@]}") ;;
  *) fail "unknown argument '$1': use --tests, --bench or nothing" ;;
esac

command -v dpkg-query > /dev/null || fail "this needs Debian 12 (dpkg-query is missing); install by hand: ${wanted[*]}"

missing=()
for package in "${wanted[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null || true)
  [[ $status == installed ]] || missing+=("$package")
done
need_promtool=
[[ ${1:-} == --tests ]] && ! command -v promtool > /dev/null && need_promtool=yes
((${#missing[@]})) || [[ $need_promtool ]] || exit 0

as_root=()
if ((EUID != 0)); then
  command -v sudo > /dev/null || fail "needs root or sudo to install: ${missing[*]}"
  as_root=(sudo)
fi
as_root+=(env DEBIAN_FRONTEND=noninteractive)

# promtool alone: its package (prometheus) would start a service.
promtool() {
  local into
  into=$(mktemp -d)
  echo "install-deps: fetching promtool" >&2
  (cd "$into" && apt-get download -q prometheus && dpkg -x ./*.deb .) > "$into/log" 2>&1 && "${as_root[@]}" install "$into/usr/bin/promtool" /usr/local/bin/ ||
    echo "install-deps: no promtool; tests that need it are skipped" >&2
  rm -rf "$into"
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
update() {
  echo "install-deps: updating the package lists" >&2
  "${as_root[@]}" apt-get update -q > "$log" 2>&1 || {
    cat "$log" >&2
    fail "apt-get update failed, see above: this machine must reach a Debian mirror"
  }
}
install() { "${as_root[@]}" apt-get install -y -q --no-install-recommends "${missing[@]}" > "$log" 2>&1; }

if ((${#missing[@]})); then
  # Updates the package lists only if they do not know a missing package, or are too old to install it.
  updated=
  apt-cache show --no-all-versions "${missing[@]}" > /dev/null 2>&1 || { update && updated=yes; }
  echo "install-deps: installing ${missing[*]}" >&2
  install || { [[ -z $updated ]] && update && install; } || {
    cat "$log" >&2
    fail "could not install ${missing[*]}, see above; this needs Debian 12"
  }
fi
[[ -z $need_promtool ]] || promtool
