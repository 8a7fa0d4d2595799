#!/usr/bin/env bash
# Removes what runs made under $LOCAL_HOME; the environments, and anything that is not the project's, stay.
set -euo pipefail

: "${LOCAL_HOME:?set by the Makefile}"
for folder in s3 emr airflow logs run mwaa demo; do
  rm -rf "${LOCAL_HOME:?}/$folder"
done
