#!/usr/bin/env bash
# Removes what runs made under $LOCAL_HOME; the environments, and anything that is not the project's, stay.
set -euo pipefail

: "${LOCAL_HOME:?set by the Makefile}"
if [[ -d $LOCAL_HOME && ! -e $LOCAL_HOME/.fruit-features ]]; then
  echo "clean: $LOCAL_HOME is not marked as this project's by a file .fruit-features, which 'make setup' makes; nothing was removed" >&2
  exit 1
fi
for folder in s3 emr airflow logs run mwaa wheels demo mirrors compare; do
  rm -rf "${LOCAL_HOME:?}/$folder"
done
