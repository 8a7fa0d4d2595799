#!/usr/bin/env bash
# Bootstrap action 10: gives an EMR 7.x node the locked Python environment, from wheels in S3 and nothing else.
#
#   10_python_environment.sh VENV REQUIREMENTS_URI WHEELS_URI [REGION]
#
# It does nothing when VENV already has what the lock says. check_environment.py must lie next to the lock. The wheels
# lie at WHEELS_URI/<the first 16 digits of the lock's SHA-256>/. `none` for WHEELS_URI says that nodes come with VENV.
set -euo pipefail

if [[ $# -lt 3 || $# -gt 4 ]]; then
  echo "usage: 10_python_environment.sh VENV REQUIREMENTS_URI WHEELS_URI [REGION]" >&2
  exit 2
fi
venv=$1
requirements_uri=$2
wheels_uri=$3
# Without a region, clients ask S3's global name, which a VPC may not reach.
if [[ -n ${4:-} ]]; then export AWS_REGION=$4 AWS_DEFAULT_REGION=$4; fi
# All nodes of a cluster ask their metadata services for credentials at the same moment, and some are slow to answer.
export AWS_METADATA_SERVICE_TIMEOUT=5 AWS_METADATA_SERVICE_NUM_ATTEMPTS=5
# They also ask S3 for the same wheels at the same moment: then clients wait, together with S3.
export AWS_RETRY_MODE=adaptive AWS_MAX_ATTEMPTS=10
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# EMR nodes have the aws command; an environment that already exists has boto3 and needs no command. One start of Python
# fetches both files, and says with the code 64 that it has no boto3.
fetch() {
  local code=64
  if [[ -x $venv/bin/python ]]; then
    code=0
    "$venv/bin/python" -c 'import sys, urllib.parse
try:
    import boto3
except ImportError:
    sys.exit(64)
s3 = boto3.client("s3")
for uri, path in zip(sys.argv[1::2], sys.argv[2::2]):
    parts = urllib.parse.urlsplit(uri)
    s3.download_file(parts.netloc, parts.path.lstrip("/"), path)' "$@" || code=$?
  fi
  if [[ $code -eq 64 ]]; then
    aws s3 cp --no-progress "$1" "$2" && aws s3 cp --no-progress "$3" "$4"
  elif [[ $code -ne 0 ]]; then
    return "$code"
  fi
}

is_right() {
  [[ -x $venv/bin/python ]] && "$venv/bin/python" "$work/check_environment.py" "$work/requirements.txt"
}

if ! fetch "$requirements_uri" "$work/requirements.txt" \
  "${requirements_uri%/*}/check_environment.py" "$work/check_environment.py"; then
  echo "ERROR NodeAccessError: this node cannot read ${requirements_uri%/*}/ (the lines above); look at its instance" \
    "profile, and at its way to S3" >&2
  exit 1
fi

if is_right; then
  echo "$venv is already right: nothing to install"
  exit 0
fi
if [[ $wheels_uri == none ]]; then
  echo "ERROR EnvironmentMismatchError: $venv differs from $requirements_uri (the lines above), and nothing is installed" \
    "into it, because FRUIT_FEATURES_WHEELS_URI is none; bring it up to date: on one machine by make setup" >&2
  exit 1
fi

python=$(command -v python3.11 || true)
if [[ -z $python ]]; then
  # The packages of Amazon Linux lie in S3, too.
  sudo dnf install --assumeyes --quiet python3.11
  python=$(command -v python3.11)
fi
if ! mkdir -p "$venv" 2> /dev/null || [[ ! -w $venv ]]; then
  # /opt belongs to root; bootstrap actions run as hadoop, which may sudo.
  sudo install --directory --owner "$(id -un)" "$venv"
fi
wheels_uri=$wheels_uri/$(sha256sum "$work/requirements.txt" | cut -c 1-16)
aws s3 cp --no-progress --recursive "$wheels_uri/" "$work/wheels"
"$python" -m venv --clear "$venv"
if ! "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-cache-dir --only-binary :all: \
  --no-index --find-links "$work/wheels" --require-hashes --requirement "$work/requirements.txt"; then
  echo "ERROR EnvironmentMismatchError: $requirements_uri could not be installed from $wheels_uri/ (the lines above);" \
    "bring the wheels there again: make wheels" >&2
  exit 1
fi
is_right
echo "$venv installed from $wheels_uri/"
