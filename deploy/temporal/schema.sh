#!/bin/sh
# Brings both of Temporal's databases to the schema of this release. It may
# run again at any time; an upgrade of the images gets its changes here.
set -eu

for database in temporal temporal_visibility; do
	directory=temporal
	[ "$database" = temporal ] || directory=visibility
	temporal-sql-tool --database "$database" setup-schema --version 0.0
	temporal-sql-tool --database "$database" update-schema --schema-name "postgresql/v12/$directory"
done
