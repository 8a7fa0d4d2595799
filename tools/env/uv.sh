# Sourced by setup.sh and lock.sh: finds a Python (python), and puts a pinned uv (uv, ensure_uv) into $envs/uv.
# shellcheck shell=bash

LOCAL_HOME=$(realpath --canonicalize-missing "${LOCAL_HOME:-.local}")
# `make clean` removes folders from a home that carries this mark. A folder that holds somebody's own files never gets it.
if [[ ! -e $LOCAL_HOME/.fruit-features && -d $LOCAL_HOME && ! -d $LOCAL_HOME/envs/uv ]] \
  && [[ -n $(find "$LOCAL_HOME" -mindepth 1 -maxdepth 1 ! -name envs -print -quit) ]]; then
  echo "setup: LOCAL_HOME=$LOCAL_HOME holds files that are not this project's; name a folder that is new or empty" >&2
  exit 1
fi
mkdir -p "$LOCAL_HOME/envs"
touch "$LOCAL_HOME/.fruit-features"
# Nobody else on this machine reads what lies here, secrets among it.
chmod 700 "$LOCAL_HOME"
# Where a link leads to another's environments, they are taken as they are: their own path is what they were built for.
envs=$(realpath "$LOCAL_HOME/envs")

# PYTHON names one; else the first that works. A name on the PATH may be a shim of a version that is not there, so it is run.
find_python() {
  local candidate
  for candidate in ${PYTHON:-python3.11 python3.12 python3 /usr/bin/python3}; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null; then
      "$candidate" -c 'import sys; print(sys.executable)'
      return
    fi
  done
  echo "setup: no Python 3.11 or 3.12 found (looked for: ${PYTHON:-python3.11 python3.12 python3});" \
    "install one, or name it: make setup PYTHON=/path/to/python3.12" >&2
  return 1
}

python=$(find_python)
uv="$envs/uv/bin/uv"

# uv does not read pip's configuration: where pip is told of an index, uv is told the same.
follow_pip_index() {
  local url
  [[ -z ${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-} ]] || return 0
  url=${PIP_INDEX_URL:-$("$python" -m pip config get global.index-url 2>/dev/null || true)}
  [[ -z $url ]] || export UV_DEFAULT_INDEX="$url"
}

ensure_uv() {
  local env="$envs/uv" lock=requirements/uv.txt
  local stamp
  follow_pip_index
  stamp=$({ cat "$lock"; echo "$env"; "$python" --version; } | sha256sum)
  if [[ -x $uv && $(cat "$env/.built-from" 2>/dev/null) == "$stamp" ]]; then
    return
  fi
  echo "setup: installing uv into $env"
  # Debian splits ensurepip off into python3-venv: without it, the system's pip installs into the new environment from outside.
  if "$python" -c 'import ensurepip' 2>/dev/null; then
    "$python" -m venv --clear "$env"
    "$env/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
  elif "$python" -m pip --version > /dev/null 2>&1; then
    "$python" -m venv --clear --without-pip "$env"
    "$python" -m pip --python "$env/bin/python" install --quiet --disable-pip-version-check --require-hashes -r "$lock"
  else
    echo "setup: $python has neither pip nor ensurepip; install one: apt install python3-venv" >&2
    return 1
  fi
  echo "$stamp" > "$env/.built-from"
}
