#!/usr/bin/env bash
# Bootstrap action 20: fails the node, and so the cluster, unless its Python environment is the locked one and loads.
#
#   20_verify_environment.sh VENV REQUIREMENTS_URI WHEELS_URI [REGION]
#
# All bootstrap actions get the same arguments; this one needs no wheels.
set -euo pipefail

if [[ $# -lt 3 || $# -gt 4 ]]; then
  echo "usage: 20_verify_environment.sh VENV REQUIREMENTS_URI WHEELS_URI [REGION]" >&2
  exit 2
fi
venv=$1
requirements_uri=$2
# Without a region, clients ask S3's global name, which a VPC may not reach.
if [[ -n ${4:-} ]]; then export AWS_REGION=$4 AWS_DEFAULT_REGION=$4; fi
# All nodes of a cluster ask their metadata services for credentials at the same moment, and some are slow to answer.
export AWS_METADATA_SERVICE_TIMEOUT=5 AWS_METADATA_SERVICE_NUM_ATTEMPTS=5
# They also ask S3 at the same moment: then clients wait, together with S3.
export AWS_RETRY_MODE=adaptive AWS_MAX_ATTEMPTS=10
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# This uses the environment's own boto3, which the jobs need too.
"$venv/bin/python" -c 'import sys, boto3, urllib.parse
s3 = boto3.client("s3")
for uri, path in zip(sys.argv[1::2], sys.argv[2::2]):
    parts = urllib.parse.urlsplit(uri)
    s3.download_file(parts.netloc, parts.path.lstrip("/"), path)' \
  "$requirements_uri" "$work/requirements.txt" \
  "${requirements_uri%/*}/check_environment.py" "$work/check_environment.py"

# Installed wheels may still fail to load (an old glibc, no AVX in the processor). Checked once per environment and lock.
verified="$venv/.verified-$(sha256sum "$work/requirements.txt" | cut -c 1-16)"
modules=(numpy pandas pyarrow PIL sklearn jinja2 boto3 obstore openvino)
if grep --quiet '^tensorflow' "$work/requirements.txt"; then modules+=(tensorflow); fi
[[ ! -e $verified ]] || modules=()

if ! "$venv/bin/python" "$work/check_environment.py" "$work/requirements.txt" --import "${modules[@]}"; then
  echo "ERROR EnvironmentMismatchError: $venv on $(uname -n) is not what $requirements_uri says (the lines above);" \
    "see the log of 10_python_environment.sh on this node" >&2
  exit 1
fi
# An environment that another user owns is verified again at every start.
touch "$verified" 2>/dev/null || true
echo "$venv is verified"
