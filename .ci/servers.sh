#!/bin/sh
# Installs what tests start for themselves where it is missing (Debian, Ubuntu): the servers PostgreSQL and MariaDB, the
# browser Chromium, the editors Vim and Neovim, curl, what checks units of systemd, and a C compiler. No service is
# started: the tests run servers of their own, on free ports, in temporary folders, and end them.
# usage: sh .ci/servers.sh
set -eu

missing=
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null 2>&1 || missing=postgresql
{ [ -x /usr/sbin/mariadbd ] || command -v mariadbd >/dev/null 2>&1; } || missing="$missing mariadb-server-core"
command -v my_print_defaults >/dev/null 2>&1 || missing="$missing mariadb-client-core"  # what mariadb-install-db asks
for browser in chromium chromium-browser google-chrome google-chrome-stable; do
  command -v "$browser" >/dev/null 2>&1 && break
done || missing="$missing chromium fonts-dejavu-core"
command -v vim >/dev/null 2>&1 || missing="$missing vim"
command -v nvim >/dev/null 2>&1 || missing="$missing neovim"  # an editor with a client of the protocol
command -v curl >/dev/null 2>&1 || missing="$missing curl"  # with which docs/api.md asks the API
command -v systemd-analyze >/dev/null 2>&1 || missing="$missing systemd"  # which reads units; it runs nothing
command -v cc >/dev/null 2>&1 || missing="$missing gcc libc6-dev"  # faults of a disk are made by a compiled library
command -v openssl >/dev/null 2>&1 || missing="$missing openssl"  # with which an example issues certificates
command -v objcopy >/dev/null 2>&1 || missing="$missing binutils"  # an executable is put together with it
# The system's own Python comes without its shared library, which an executable holds.
own=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2] if sys.base_prefix == "/usr" else "")' 2>/dev/null || :)
[ -z "$own" ] || ls /usr/lib/*/libpython"$own".so.1.0 >/dev/null 2>&1 || missing="$missing libpython$own"
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "error: the tests need programs that are not installed ($missing), and there is no apt-get to install them" >&2
  echo "help: install PostgreSQL (initdb, postgres) and MariaDB (mariadbd, mariadb-install-db) and Chromium by other means" >&2
  exit 2
fi
as_root=
if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo >/dev/null 2>&1 || ! sudo -n true 2>/dev/null; then
    echo "error: the tests need programs that are not installed: $missing" >&2
    echo "help: as root: apt-get install --no-install-recommends $missing" >&2
    exit 2
  fi
  as_root=sudo
fi

# What a package would start of its own accord stays off: a policy says so, if there is none already.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
  $as_root chmod 755 "$policy"
  trap '$as_root rm -f "$policy"' EXIT
fi
echo "Installing$(printf ' %s' $missing)" >&2
$as_root apt-get update -qq
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
