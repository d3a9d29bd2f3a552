#!/usr/bin/env bash
# Puts a Pulumi CLI of one version on PATH, by the digest that Pulumi publishes beside it
# (https://get.pulumi.com/releases/sdk/pulumi-VERSION-checksums.txt). Change both together.
set -euo pipefail
version=3.255.0
sha256=cf559568e2c32f7fae56ea3de8ae5fa48973ba8c5aa9dd2b3dc0c8898fe50dba
folder="${RUNNER_TEMP:?}/pulumi-$version"
archive="$folder.tar.gz"
curl --fail --silent --show-error --location --retry 3 --output "$archive" \
  "https://get.pulumi.com/releases/sdk/pulumi-v$version-linux-x64.tar.gz"
echo "$sha256  $archive" | sha256sum --check --quiet
mkdir -p "$folder"
tar --extract --gzip --file "$archive" --directory "$folder" --strip-components 1
echo "$folder" >> "${GITHUB_PATH:?}"
