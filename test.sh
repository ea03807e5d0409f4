#!/bin/sh
# Runs every test, and first installs what is missing: make, a C compiler (for the race detector) and PostgreSQL through Debian's
# package manager, npm packages (solc, forge, anvil, cast, Hardhat, OpenZeppelin), Go tools, geth, and Debian's Prometheus and
# Alertmanager, unpacked, into .tools/.
set -eu
cd "$(dirname "$0")"
for need in go node npm; do
  command -v "$need" >/dev/null || { echo "test.sh: $need is missing: install Go 1.26 and Node 20 or newer" >&2; exit 1; }
done
# Debian keeps PostgreSQL's programs where no PATH leads
if ! command -v make >/dev/null || ! command -v cc >/dev/null || ! command -v git >/dev/null ||
  ! { command -v postgres || ls /usr/lib/postgresql/*/bin/postgres; } >/dev/null 2>&1; then
  sudo=$([ "$(id -u)" = 0 ] || echo sudo)
  $sudo apt-get update -qq
  $sudo apt-get install -y -qq make gcc libc6-dev git postgresql
fi
exec make test
