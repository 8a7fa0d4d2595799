#!/usr/bin/env bash
# Makes the database of POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB once, and starts PostgreSQL as its own user.
set -euo pipefail

as_postgres=(setpriv --reuid=postgres --regid=postgres --init-groups)
install --directory --owner=postgres --group=postgres --mode=0700 "$PGDATA" /run/postgresql
if [[ ! -s $PGDATA/PG_VERSION ]]; then
  # No pipe of root's, which PostgreSQL's user could not read.
  install --owner=postgres --mode=0600 /dev/stdin /run/postgresql/password <<< "$POSTGRES_PASSWORD"
  "${as_postgres[@]}" initdb --username="$POSTGRES_USER" --pwfile=/run/postgresql/password --auth=scram-sha-256 \
    --auth-local=trust --encoding=UTF8 > /dev/null
  rm /run/postgresql/password
  echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
  "${as_postgres[@]}" pg_ctl --wait --options="-c listen_addresses=" start > /dev/null
  "${as_postgres[@]}" createdb --username="$POSTGRES_USER" "$POSTGRES_DB"
  "${as_postgres[@]}" pg_ctl --wait stop > /dev/null
fi
exec "${as_postgres[@]}" postgres -c listen_addresses="*"
