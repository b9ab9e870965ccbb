#!/bin/sh
# Run by the postgres image on an empty volume: one database per service, which nobody else reads.
set -eu
for service in customer pipeline ops metrics gateway; do
    psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d postgres -c "CREATE DATABASE $service"
done
