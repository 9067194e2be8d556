#!/bin/bash
# Creates the roles and applies every migration, in order; may be run again. PGHOST, PGUSER, PGDATABASE: as for psql.
# SCHEMA: folder of the migrations. SECRETS: folder with postgres_password and authenticator_password.
set -euo pipefail

PGPASSWORD=$(cat "$SECRETS/postgres_password")
export PGPASSWORD
export PGOPTIONS='-c client_min_messages=warning'
sql() { psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 "$@"; }

# On standard input, because other users can read a command line.
{ printf '\\set authenticator_password %s\n' "$(cat "$SECRETS/authenticator_password")"; cat "$(dirname "$0")/roles.sql"; } | sql

for migration in "$SCHEMA"/[0-9]*.sql; do
  echo "applying ${migration##*/}"
  PGOPTIONS="$PGOPTIONS -c role=voicememo_owner" sql --file "$migration"
done
sql --command "notify pgrst, 'reload schema'"
echo "all migrations are applied"
