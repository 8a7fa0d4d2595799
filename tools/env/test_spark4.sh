#!/usr/bin/env bash
# Runs the Spark environment's tests on PySpark 4.0, which emr-spark-8.0.0 has: test_spark4.sh [pytest's arguments...]
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tools/env/uv.sh
source tools/env/uv.sh
ensure_uv

env="$envs/spark4"
stamp=$(sha256sum requirements/spark-dev.txt)
if [[ $(cat "$env/.built-from" 2> /dev/null) != "$stamp" ]]; then
  echo "spark4: building $env"
  "$uv" venv --quiet --clear --python "$python" "$env"
  "$uv" pip sync --quiet --require-hashes --python "$env/bin/python" requirements/spark-dev.txt
  "$uv" pip install --quiet --python "$env/bin/python" "pyspark>=4.0,<4.1"
  echo "$stamp" > "$env/.built-from"
fi
exec tools/env/test_spark.sh "$env/bin/python" "$@"
