#!/usr/bin/env bash
# Builds the two environments, each only when its lock or its Python changed: setup.sh [airflow] [spark] [airflow-floor] [notebook]
#
# Needs python3.11 or python3.12 with either pip or the venv module's ensurepip (Debian: python3-pip or python3-venv), nothing else. The
# system's Python is never installed into (PEP 668): uv lives in an environment of its own.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$repository"
# shellcheck source=tools/env/uv.sh
source tools/env/uv.sh

# What an environment was built from. The folder is part of it: scripts in bin/ hold its absolute path.
stamp_of() {
  local env=$1 lock=$2
  { cat "$lock"; "$python" --version; echo "$env"; } | sha256sum | cut -d ' ' -f 1
}

build() {
  local name=$1 lock=$2
  local env="$envs/$name"
  local stamp
  stamp=$(stamp_of "$env" "$lock")
  if [[ -x $env/bin/python && $(cat "$env/.built-from" 2>/dev/null) == "$stamp" ]]; then
    return
  fi
  echo "setup: building $env from $lock"
  "$uv" venv --quiet --clear --python "$python" "$env"
  "$uv" pip sync --quiet --require-hashes --python "$env/bin/python" "$lock"
  # Written last: an environment without it was not finished, and is built again.
  echo "$stamp" > "$env/.built-from"
}

# Two `make` at once: the second waits, then finds the environments built.
exec 9> "$envs/.lock"
flock 9

ensure_uv
names=("$@")
[[ $# -gt 0 ]] || names=(airflow spark)
for name in "${names[@]}"; do
  lock="requirements/$name-dev.txt"
  # The floor and the notebook have one lock only: nothing is developed in them.
  [[ -e $lock ]] || lock="requirements/$name.txt"
  build "$name" "$lock"
done
