#!/bin/bash
# Runs the page's tests in Chromium against a ChatConnect of its own, started
# from bin/chatconnect-dev on free ports with state that is thrown away.
set -euo pipefail
cd "$(dirname "$0")"

home=$(mktemp -d)
chmod 755 "$home" # PostgreSQL runs as another user when we are root
log=$(mktemp)
port=$(node -e 'import("../../widget/tests/harness/server.mjs").then(async ({ freePort }) => console.log(await freePort()))')
env -u OPENAI_API_KEY -u ANTHROPIC_API_KEY \
  CHATCONNECT_HOME="$home" PORT="$port" METRICS_ADDR=127.0.0.1:0 ../../bin/chatconnect-dev >"$log" 2>&1 &
app=$!
finish() {
  status=$?
  kill -INT "$app" 2>/dev/null && wait "$app" || true
  ((status == 0)) || cat "$log"
  rm -rf "$home" "$log"
  exit "$status"
}
trap finish EXIT

until curl --silent --fail --output /dev/null --max-time 10 "http://localhost:$port/readyz"; do
  kill -0 "$app" # has it ended? It does if it can't start within minutes
  sleep 0.2
done

npm ci --no-audit --no-fund --loglevel=error
npm run unit
BASE_URL="http://localhost:$port" npm run browser
