#!/usr/bin/env bash
# Runs the tests of DAGs, plugins and bundle on what MWAA runs: test_mwaa.sh [VERSION...]
#
# Each environment has the Airflow and the amazon provider of one of MWAA's images. What else they need is as old as the
# image: MWAA installs Airflow's constraints of that time.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tools/env/uv.sh
source tools/env/uv.sh
ensure_uv

declare -A providers=([3.0.6]=9.12.0 [3.2.1]=9.25.0 [3.3.1]=9.34.0)
declare -A days=([3.0.6]=2025-09-05 [3.2.1]=2026-05-05 [3.3.1]=2026-09-05)
versions=("$@")
[[ $# -gt 0 ]] || versions=(3.0.6 3.2.1 3.3.1)

failed=()
for version in "${versions[@]}"; do
  provider=${providers[$version]:?"MWAA has no Airflow $version that this project knows: give 3.0.6, 3.2.1 or 3.3.1"}
  env="$envs/mwaa-$version"
  if [[ ! -e $env/.built ]]; then
    echo "mwaa: building $env"
    "$uv" venv --quiet --clear --python "$python" "$env"
    "$uv" pip install --quiet --python "$env/bin/python" --exclude-newer "${days[$version]}" \
      "apache-airflow[postgres]==$version" "apache-airflow-providers-amazon[aiobotocore]==$provider" "moto[server]>=5.1" \
      pytest pytest-timeout
    # The stand-in for AWS is that of the other tests: those of that time answer conditional writes wrongly.
    "$uv" pip install --quiet --no-deps --python "$env/bin/python" "$(grep --only-matching '^moto[^ ]*' requirements/airflow-dev.txt)"
    touch "$env/.built"
  fi
  echo "mwaa: Airflow $version with the amazon provider $provider"
  "$env/bin/python" -m pytest --quiet -p no:cacheprovider tests/dags tests/plugins tests/tools/env/test_mwaa_bundle.py \
    || failed+=("$version")
done
if [[ ${#failed[@]} -gt 0 ]]; then
  echo "mwaa: failed on ${failed[*]}" >&2
  exit 1
fi
echo "mwaa: passed on ${versions[*]}"
