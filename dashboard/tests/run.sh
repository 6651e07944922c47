#!/bin/bash
# Runs the page's tests in Chromium against a ChatConnect of its own, started
# from bin/chatconnect-dev on free ports with state that is thrown away.
set -euo pipefail
cd "$(dirname "$0")"

home=$(mktemp -d)
chmod 755 "$home" # PostgreSQL runs as another user when we are root
log=$(mktemp)
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
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

for _ in $(seq 300); do
  curl --silent --fail --output /dev/null "http://localhost:$port/readyz" && break
  kill -0 "$app" # has it ended?
  sleep 0.2
done

npm ci --no-audit --no-fund --loglevel=error
npm run unit
BASE_URL="http://localhost:$port" npm run browser
