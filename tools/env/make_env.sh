#!/usr/bin/env bash
# Writes random secrets for docker-compose into .env; what it has already stays: the database knows its password.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
umask 077
touch .env
chmod 600 .env
# A last line that does not end would take the next one in.
sed -i -e "\$a\\" .env

random_hex() {
  od --address-radix=n --format=x1 --read-bytes=32 /dev/urandom | tr -d ' \n'
}
add() {
  if ! grep --quiet "^$1=." .env; then
    # As .env.example has it, without a value.
    sed -i -e "/^$1=\$/d" .env
    echo "$1=$2" >> .env
  fi
}

add POSTGRES_PASSWORD "$(random_hex)"
add AIRFLOW_FERNET_KEY "$(head --bytes=32 /dev/urandom | base64 | tr '+/' '-_')"
add AIRFLOW_JWT_SECRET "$(random_hex)"
add AIRFLOW_SECRET_KEY "$(random_hex)"
add LOCAL_AWS_KEY_ID "LOCAL$(random_hex)"
add LOCAL_AWS_SECRET_KEY "$(random_hex)"
echo ".env has every secret; .env.example explains them. For new ones remove it, and the volume of the database with it"
