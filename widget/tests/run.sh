#!/bin/bash
# The widget's tests in Chromium: against a server that speaks its contract,
# and against the product (bin/chatconnect-dev) with bin/fakemodel behind it.
# An argument names another npm script than the tests: bench, shots.
set -euo pipefail
cd "$(dirname "$0")"

# Playwright and axe are the dashboard's; esbuild is the widget's; what the
# pages of the tests are made with is in here.
for dir in ../../dashboard/tests .. .; do
  (cd "$dir" && npm ci --no-audit --no-fund --loglevel=error)
done
if (($#)); then
  exec npm run --silent "$@"
fi
# The committed build is what is tested and shipped: it must be the sources'.
before=$(cat ../dist/* | sha256sum)
(cd .. && npm run --silent build)
[[ $before == "$(cat ../dist/* | sha256sum)" ]] || {
  echo 'widget/dist is not what widget/src builds: run make ui and commit it' >&2
  exit 1
}
npm run --silent unit
npm run --silent browser
