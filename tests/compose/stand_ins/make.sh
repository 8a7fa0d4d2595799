#!/usr/bin/env bash
# Makes stand-ins of the two images that docker-compose.yaml takes from a registry, out of Debian's packages: make.sh
#
# For a machine that reaches Debian and no registry. Needs root, debootstrap and a docker that runs. The certificates and
# the package index of this machine go into the first, so that a build behind a proxy works.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
root=$(mktemp --directory)
trap 'rm -rf "$root"' EXIT
certificates=/etc/ssl/certs/ca-certificates.crt
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

debootstrap --variant=minbase --include=ca-certificates,python3,python3-pip,python3-venv bookworm "$root" "$mirror" > /dev/null
ln -sf python3 "$root/usr/bin/python"
# As in the image that it stands for, pip may install into the system's Python.
rm -f "$root"/usr/lib/python3*/EXTERNALLY-MANAGED
cp "$certificates" "$root$certificates"
# mktemp lets nobody else in; in the image this is the folder /.
chmod 755 "$root"
path=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
changes=(--change "ENV PATH=$path" --change "ENV PIP_CERT=$certificates SSL_CERT_FILE=$certificates")
for name in PIP_INDEX_URL UV_DEFAULT_INDEX; do
  [[ -z ${!name:-} ]] || changes+=(--change "ENV $name=${!name}")
done
tar -C "$root" -c . | docker import "${changes[@]}" - python:3.11-slim-bookworm
docker build --tag postgres:17 postgres
