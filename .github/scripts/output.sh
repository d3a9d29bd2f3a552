#!/usr/bin/env bash
# output.sh NAME FILE: a file as an output of the step, its beginning where it is too long for a comment.
set -euo pipefail
most=40000
mark="end-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
{
  echo "$1<<$mark"
  head --bytes "$most" "$2"
  if [ "$(wc --bytes < "$2")" -gt "$most" ]; then printf '\n… (the rest is in the log)'; fi
  printf '\n%s\n' "$mark"
} >> "${GITHUB_OUTPUT:?}"
