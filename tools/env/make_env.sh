#!/usr/bin/env bash
# Writes .env with random secrets for docker-compose; one that is there is kept: the database knows its password.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
if [[ -e .env ]]; then
  echo ".env is there already and stays as it is; for new secrets remove it, and the volume of the database with it"
  exit 0
fi

random_hex() {
  od --address-radix=n --format=x1 --read-bytes=32 /dev/urandom | tr -d ' \n'
}
fernet_key() {
  head --bytes=32 /dev/urandom | base64 | tr '+/' '-_'
}

umask 077
{
  echo "# Written by make env; .env.example explains. Keep it to yourself."
  echo "POSTGRES_PASSWORD=$(random_hex)"
  echo "AIRFLOW_FERNET_KEY=$(fernet_key)"
  echo "AIRFLOW_JWT_SECRET=$(random_hex)"
  echo "AIRFLOW_SECRET_KEY=$(random_hex)"
} > .env
echo "wrote .env"
