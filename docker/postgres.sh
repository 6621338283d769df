#!/bin/bash
# Run once, when the volume is new: a role and a database for Airflow, and others for the warehouse. Neither sees the other's.
set -euo pipefail
psql -v ON_ERROR_STOP=1 -v airflow="$AIRFLOW_DB_PASSWORD" -v warehouse="$WAREHOUSE_PASSWORD" -U "$POSTGRES_USER" -d postgres <<'SQL'
create role airflow login password :'airflow';
create database airflow owner airflow encoding 'UTF8' template template0;
revoke connect on database airflow from public;
create role stripe_sync login password :'warehouse';
create database stripe_sync owner stripe_sync encoding 'UTF8' template template0;
revoke connect on database stripe_sync from public;
SQL
