#!/usr/bin/env bash
# Makes a Debian package from a release build.
#   packaging/build-deb.sh [--binary FILE] [--output DIR]
# Without --binary it builds the `release` preset first. The package and its .changes land in DIR (build/deb). Needs debhelper.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
binary= output=$root/build/deb

fail() {
  echo "build-deb: $*" >&2
  exit 1
}

while (($#)); do
  case $1 in
    --binary) binary=$(realpath "${2:?--binary needs a file}") ;;
    --output) output=${2:?--output needs a directory} ;;
    *) fail "unknown argument '$1': use --binary FILE, --output DIR" ;;
  esac
  shift 2
done
command -v dh > /dev/null || fail "debhelper is missing: install it (apt-get install debhelper), or run scripts/install-deps.sh --tests"

if [[ -z $binary ]]; then
  (cd "$root" && cmake --preset release && cmake --build --preset release --target shoal -j "$(nproc)") >&2
  binary=$root/build/release/bin/shoal
fi
[[ -x $binary ]] || fail "$binary is not an executable program"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/shoal
mkdir -p "$tree/man" "$tree/completion" "$output"
cp -r "$root/packaging/debian" "$tree/debian"
cp "$binary" "$tree/shoal"

# The time of the last commit makes the package reproducible.
epoch=$(git -C "$root" log -1 --format=%ct 2> /dev/null || stat -c %Y "$root/CHANGELOG.md")
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$epoch}
version=$("$binary" --version | sed 's/^shoal //; s/-/./g')
cat > "$tree/debian/changelog" << END
shoal ($version) unstable; urgency=medium

  * Built from source; see CHANGELOG.md.

 -- Shoal developers <dev@shoal.invalid>  $(date -R -u -d "@$SOURCE_DATE_EPOCH")
END

python3 "$root/packaging/make_man.py" "$binary" "$tree/man" --date "$(date -u -d "@$SOURCE_DATE_EPOCH" +%F)"
"$binary" completion bash > "$tree/completion/shoal"
"$binary" completion zsh > "$tree/completion/_shoal"
for service in tracker seeder node join; do cp "$root/packaging/systemd/shoal-$service.service" "$tree/debian/shoal.shoal-$service.service"; done
cp -r "$root/configs" "$tree/configs"
mkdir "$tree/docs"
cp "$root"/docs/*.md "$tree/docs/"
mv "$tree/docs/README.md" "$tree/docs/index.md"
cp "$root"/README.md "$root"/CHANGELOG.md "$tree/docs/"

mkdir "$tree/monitoring"
cp "$root"/packaging/prometheus/alerts.yml "$tree/monitoring/"
cp "$root"/packaging/grafana/shoal.json "$tree/monitoring/grafana.json"

cat > "$tree/debian/shoal.install" << 'END'
shoal usr/bin
configs/*.toml etc/shoal
completion/shoal usr/share/bash-completion/completions
completion/_shoal usr/share/zsh/vendor-completions
monitoring/* usr/share/shoal/monitoring
END
echo 'man/*.1' > "$tree/debian/shoal.manpages"
find "$tree/docs" -name '*.md' ! -name CHANGELOG.md -printf 'docs/%f\n' | sort > "$tree/debian/shoal.docs"
echo docs/CHANGELOG.md > "$tree/debian/shoal.changelogs"
mkdir "$tree/debian/source"
echo '3.0 (native)' > "$tree/debian/source/format"

log=$work/log
(cd "$tree" && DEB_BUILD_OPTIONS="noautodbgsym nocheck" dpkg-buildpackage --build=binary --no-sign --no-check-builddeps) > "$log" 2>&1 || {
  cat "$log" >&2
  fail "dpkg-buildpackage failed, see above"
}
cp "$work"/shoal_*.deb "$work"/shoal_*.changes "$work"/shoal_*.buildinfo "$output/"
deb=$(cd "$work" && echo shoal_*.deb)
echo "$output/$deb"
