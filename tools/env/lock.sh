#!/usr/bin/env bash
# Compiles the dependency groups of pyproject.toml into requirements/*.txt and bootstrap/requirements*.txt, with hashes.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tools/env/uv.sh
source tools/env/uv.sh
ensure_uv

# compile GROUP FILE [uv's options...]; what FILE already pins is kept where it still fits (UPGRADE=1 does not keep it).
compile() {
  local group=$1 file=$2
  shift 2
  echo "lock: $file"
  "$uv" pip compile pyproject.toml --quiet --group "$group" -o "$file" --universal --python-version 3.11 \
    --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock" ${UPGRADE:+--upgrade} "$@"
}

compile uv requirements/uv.txt
compile airflow-dev requirements/airflow-dev.txt
compile airflow requirements/airflow.txt -c requirements/airflow-dev.txt
# The day before which the floor's own dependencies were released: later ones break it.
compile airflow-floor requirements/airflow-floor.txt --exclude-newer 2025-09-05
compile spark-dev requirements/spark-dev.txt
compile spark requirements/spark.txt -c requirements/spark-dev.txt
compile notebook requirements/notebook.txt -c requirements/spark-dev.txt
compile spark-node bootstrap/requirements.txt -c requirements/spark-dev.txt
compile spark-node-tensorflow bootstrap/requirements-tensorflow.txt -c requirements/spark-dev.txt
