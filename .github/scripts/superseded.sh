#!/usr/bin/env bash
# superseded.sh ENVIRONMENT: whether a later commit than this one is deployed there already, as the step's output. One run
# may overtake another, since checks take longer here and shorter there; an approval may come late.
set -euo pipefail
release=$(pulumi stack output --stack "$1" --json | jq --raw-output '.release // empty')
superseded=false
# What was deployed from a desk may be no commit that is known here: then what main holds is deployed.
if [ -n "$release" ] && deployed=$(git rev-parse --quiet --verify "${release%-dirty}^{commit}"); then
  if [ "$deployed" != "${GITHUB_SHA:?}" ] && git merge-base --is-ancestor "$GITHUB_SHA" "$deployed"; then
    superseded=true
    echo "::notice::$1 has $release already, which is later than this commit: nothing is deployed"
  fi
fi
echo "superseded=$superseded" >> "${GITHUB_OUTPUT:?}"
