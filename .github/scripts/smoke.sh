#!/usr/bin/env bash
# smoke.sh ENVIRONMENT: visits what was just deployed, and wants the very build that this checkout makes.
set -euo pipefail
url=$(pulumi stack output --stack "$1" counterpartyUrl)
build=$(pulumi stack output --stack "$1" counterpartyBuild)
if [ -n "${KOPITRA_SMOKE_ACCOUNT:-}" ] && [ -n "${KOPITRA_SMOKE_SECRET:-}" ]; then
  .venv/bin/kopitra smoke "$url" --build "$build" --patience 300
else
  echo "::warning::There is no account to visit $1 as (docs/deploying.md): only what needs none is looked at"
  .venv/bin/kopitra smoke "$url" --build "$build" --patience 300 --without-account
fi
