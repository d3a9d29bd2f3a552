"""The deployer's Entra identity: `az login`'s on a desk, GitHub's own in a workflow. No secret is read."""

import os
from collections.abc import Callable, Mapping

import requests
from azure.core.credentials import TokenCredential
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientAssertionCredential, CredentialUnavailableError, DefaultAzureCredential

from stack.deployment.world import DeploymentFailed

AUDIENCE = "api://AzureADTokenExchange"
REQUEST_URL, REQUEST_TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
CLIENT, TENANT = "ARM_CLIENT_ID", "ARM_TENANT_ID"
"""The names under which Pulumi's Azure provider takes the same."""
SECONDS = 30.0


def credential_from(environment: Mapping[str, str]) -> TokenCredential:
    """In a workflow an assertion is asked for whenever a token is: one of the beginning is worth nothing after five
    minutes, and the database's token is asked for later."""
    if all(environment.get(name) for name in (REQUEST_URL, REQUEST_TOKEN, CLIENT, TENANT)):
        return ClientAssertionCredential(
            environment[TENANT], environment[CLIENT], lambda: assertion(environment)
        )
    return DefaultAzureCredential(exclude_interactive_browser_credential=True)


def tokens() -> Callable[[str], str]:
    """`token(scope)`; asks when it is first needed. Raises DeploymentFailed."""
    made: list[TokenCredential] = []

    def token(scope: str) -> str:
        if not made:
            made.append(credential_from(os.environ))
        try:
            return made[0].get_token(scope).token
        except (CredentialUnavailableError, ClientAuthenticationError) as error:
            first = str(error).splitlines()[0]
            raise DeploymentFailed(f"nobody is signed in to Azure for {scope}: {first}") from error

    return token


def assertion(environment: Mapping[str, str]) -> str:
    """GitHub's word about this workflow."""
    answer = requests.get(
        environment[REQUEST_URL],
        params={"audience": AUDIENCE},
        headers={"Authorization": f"Bearer {environment[REQUEST_TOKEN]}"},
        timeout=SECONDS,
    )
    answer.raise_for_status()
    return str(answer.json()["value"])
