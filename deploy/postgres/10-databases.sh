#!/bin/sh
# Runs once, when the volume is empty: the owner and the runtime login of the
# application's database, and one role with its databases for Temporal; neither
# application can see the other's. In an older volume `chatconnect migrate`
# makes the runtime login.
set -eu

# CREATEROLE lets the first migration make the two roles that row level
# security rests on.
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
	-v app_password="$APP_DB_PASSWORD" -v runtime_password="$RUNTIME_DB_PASSWORD" \
	-v temporal_password="$TEMPORAL_DB_PASSWORD" <<-'SQL'
	CREATE ROLE chatconnect LOGIN CREATEROLE PASSWORD :'app_password';
	CREATE ROLE chatconnect_runtime LOGIN NOINHERIT PASSWORD :'runtime_password';
	CREATE ROLE temporal LOGIN PASSWORD :'temporal_password';
	CREATE DATABASE chatconnect OWNER chatconnect;
	CREATE DATABASE temporal OWNER temporal;
	CREATE DATABASE temporal_visibility OWNER temporal;
	REVOKE CONNECT, TEMPORARY ON DATABASE chatconnect, temporal, temporal_visibility FROM PUBLIC;
	GRANT CONNECT ON DATABASE chatconnect TO chatconnect_runtime;
SQL
