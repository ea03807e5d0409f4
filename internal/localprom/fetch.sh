#!/bin/sh
# Puts what is missing of Prometheus, promtool and Alertmanager into a folder, given as the only argument, from Debian's packages of the
# release that runs: unpacked, not installed, so that no service starts and nobody needs to be root. What is on PATH is left as it is.
set -eu
dir=$1/debian
has() { command -v "$1" >/dev/null || [ -x "$dir/usr/bin/$1" ]; }
packages=
has prometheus && has promtool || packages=prometheus
has alertmanager || has prometheus-alertmanager || packages="$packages prometheus-alertmanager"
[ -n "$packages" ] || exit 0
if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
  echo "Prometheus and Alertmanager are missing, which the tests start, and there is no apt-get that has them: put prometheus, promtool" \
    "and alertmanager on PATH" >&2
  exit 1
fi
mkdir -p "$dir"
new=$(mktemp -d "$1/debian.XXXXXX")
trap 'rm -rf "$new"' EXIT
cd "$new"
as=$([ "$(id -u)" = 0 ] && echo "-o APT::Sandbox::User=root" || true)
# shellcheck disable=SC2086 # each is a list of words
if ! apt-get $as -qq download $packages; then
  [ "$(id -u)" != 0 ] || apt-get -qq update
  apt-get $as -qq download $packages || {
    echo "Debian's packages of$packages cannot be had: run apt-get update as root, then make tools again" >&2
    exit 1
  }
fi
for deb in *.deb; do
  dpkg -x "$deb" unpacked
done
# Debian's Alertmanager reads its templates from where its package is installed; this one is told, in as many letters, to look below the
# folder that it runs in
if [ -f unpacked/usr/bin/prometheus-alertmanager ]; then
  LC_ALL=C sed -i 's#/usr/share/prometheus/alertmanager#usr//share/prometheus/alertmanager#g' unpacked/usr/bin/prometheus-alertmanager
fi
cp -R unpacked/. "$dir"
