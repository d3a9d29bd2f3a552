#!/usr/bin/env bash
# Signs in as an identity that trusts this very workflow: a token for a token, no secret is stored anywhere.
set -euo pipefail
token=$(curl --fail --silent --show-error --retry 3 \
  --header "Authorization: bearer ${ACTIONS_ID_TOKEN_REQUEST_TOKEN:?}" \
  "${ACTIONS_ID_TOKEN_REQUEST_URL:?}&audience=api://AzureADTokenExchange" | jq --raw-output .value)
echo "::add-mask::$token"
az login --service-principal --username "${ARM_CLIENT_ID:?}" --tenant "${ARM_TENANT_ID:?}" \
  --federated-token "$token" --output none
az account set --subscription "${ARM_SUBSCRIPTION_ID:?}"
pulumi login "${PULUMI_BACKEND:?}"
