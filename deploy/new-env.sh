#!/bin/sh
# Prints .env.example with every empty secret filled in at random:
#   sh deploy/new-env.sh > .env
set -eu
cd "$(dirname "$0")/.."

# The shell made the file before this runs: nobody else may read the secrets.
if [ -f /dev/stdout ]; then chmod 600 /dev/stdout; fi

hex() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }
key() { dd if=/dev/urandom bs=32 count=1 2>/dev/null | base64 | tr -d '\n'; }

while IFS= read -r line || [ -n "$line" ]; do
	case $line in
	*_PASSWORD= | QDRANT_API_KEY= | *_SECRET=) printf '%s%s\n' "$line" "$(hex 24)" ;;
	TEMPORAL_CODEC_KEY=) printf '%s1:%s\n' "$line" "$(key)" ;;
	*) printf '%s\n' "$line" ;;
	esac
done <.env.example
