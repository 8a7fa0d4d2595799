#!/usr/bin/env bash
# Runs every check and fails if one did: check.sh AIRFLOW_PYTHON SPARK_PYTHON
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit
airflow_python=$1 spark_python=$2
failed=()

check() {
  local name=$1
  shift
  echo "check: $name"
  "$@" || failed+=("$name")
}

mapfile -t shell_files < <(git ls-files --cached --others --exclude-standard '*.sh' .ci/run)

check "ruff" "$airflow_python" -m ruff check .
check "format" "$airflow_python" -m ruff format --check .
check "mypy, Airflow's side" "$airflow_python" -m mypy dags plugins run_contract local_aws tools tests/dags tests/plugins tests/local_aws tests/tools \
  tests/bootstrap tests/compose tests/end_to_end tests/faults tests/infra tests/run_contract tests/docs tests/benchmarks benchmarks/*.py
check "mypy, Spark's side" "$spark_python" -m mypy spark_jobs bootstrap tests/spark_jobs benchmarks/jobs
check "shellcheck" "$(dirname "$airflow_python")/shellcheck" --external-sources "${shell_files[@]}"
check "import rules" "$airflow_python" -m pytest --quiet tests/test_import_rules.py tests/test_house.py

if [[ ${#failed[@]} -gt 0 ]]; then
  printf 'check: failed: %s\n' "${failed[@]}" >&2
  exit 1
fi
echo "check: all passed"
