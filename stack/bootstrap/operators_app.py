"""`make operators-app`: the application of Entra ID that operators' access tokens are for, and who has a role in it.

It is the directory's and not the subscription's, so Pulumi does not make it: who deploys would have to administer
applications (docs/decisions/0220).
"""

import json
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stack.bootstrap.commands import ME, Step, az, options, said
from stack.bootstrap.plan import NAMESPACE, PLACEHOLDER, Place, config_of

GRAPH = "https://graph.microsoft.com/v1.0"
AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
"""The application that `az` signs people in as, the same in every directory."""
TOKEN_VERSION = 2
"""Of version 1 issuer and audience would be others than the apps are told (stack.settings.OperatorSettings)."""
ROLES = {
    "viewer": "Reads sessions, configuration and history",
    "operator": "Also acts: orders, approvals, halts, configuration",
    "admin": "Also halts the platform, lets accounts in and administers",
}
"""Those that the apps know, in `kopitra.protocol.management`."""
MINE, SERVICE = "admin", "viewer"
"""Whoever makes the application administers the platform. The management side asks for sessions and proposals by
itself; what an operator does goes on under the operator's own token."""
SCOPE = "operate"
IDS = uuid.UUID("9a3c2f0e-64f7-5f0b-8e5d-0d6f6f1f7c52")
APP, PRINCIPAL, DIRECTORY = "<its application id>", "<its service principal>", "<your directory>"


def id_of(what: str) -> str:
    """Always the same, so that describing the application again changes nothing."""
    return str(uuid.uuid5(IDS, what))


def known_audience(environment: str, root: Path) -> str | None:
    """The application that the environment's file names already. Raises BootstrapRefused."""
    operators: Mapping[str, Any] = config_of(environment, root)[f"{NAMESPACE}:operators"]
    audience = str(operators["audience"])
    return None if audience == PLACEHOLDER else audience


def operators_app(place: Place, audience: str | None, functions: str | None = None) -> Iterator[Step]:
    """`audience`: of an application that is known by its id already. `functions`: object id of the identity of the
    management side, once there is one."""
    yield Step("your directory", (*az("account show"), *said("tenantId")), gives=DIRECTORY)
    yield _application(f"{NAMESPACE}-{place.environment}", audience)
    application = f"{GRAPH}/applications(appId='{APP}')"
    yield Step(
        "its roles, its scope and its tokens' version", _change(application, _described()), patient=True
    )
    preauthorised = {
        "preAuthorizedApplications": [{"appId": AZURE_CLI, "delegatedPermissionIds": [id_of(SCOPE)]}]
    }
    # By itself: the directory knows no scope that comes with the same request.
    yield Step(
        "az may ask for tokens without a consent", _change(application, {"api": _api() | preauthorised})
    )
    yield Step(
        "its service principal",
        (*az("ad sp create", id=APP), *said("id")),
        unless=(*az("ad sp show", id=APP), *said("id")),
        patient=True,
        gives=PRINCIPAL,
    )
    yield Step(
        "no token for whom it gives no role",
        _change(f"{GRAPH}/servicePrincipals/{PRINCIPAL}", {"appRoleAssignmentRequired": True}),
        patient=True,
    )
    yield _assignment("users", ME, MINE, "you")
    if functions is not None:
        yield _assignment("servicePrincipals", functions, SERVICE, "the management side")


def settings(place: Place, known: Mapping[str, str]) -> str:
    """What the environment's file is to say, from what the steps gave."""
    return (
        f"Pulumi.{place.environment}.yaml:\n"
        f"  {NAMESPACE}:operators:\n"
        f"    tenantId: {known[DIRECTORY]}\n"
        f"    audience: {known[APP]}\n"
        "After the first `pulumi up` once more, with FUNCTIONS=… (docs/deploying.md)"
    )


def _application(name: str, audience: str | None) -> Step:
    if audience is not None:
        return Step(f"the application {name}", (*az("ad app show", id=audience), *said("appId")), gives=APP)
    return Step(
        f"the application {name}",
        (*az("ad app create", display_name=name, sign_in_audience="AzureADMyOrg"), *said("appId")),
        unless=(*az("ad app list", filter=f"displayName eq '{name}'"), *said("[].appId")),
        gives=APP,
    )


def _described() -> Mapping[str, Any]:
    roles = [
        {
            "id": id_of(f"role {value}"),
            "value": value,
            "displayName": value,
            "description": description,
            "allowedMemberTypes": ["User", "Application"],
            "isEnabled": True,
        }
        for value, description in ROLES.items()
    ]
    return {"identifierUris": [f"api://{APP}"], "appRoles": roles, "api": _api()}


def _api() -> dict[str, Any]:
    scope = {
        "id": id_of(SCOPE),
        "value": SCOPE,
        "type": "Admin",
        "adminConsentDisplayName": "Operate Kopitra",
        "adminConsentDescription": "Act on Kopitra within one's own roles",
        "isEnabled": True,
    }
    return {"requestedAccessTokenVersion": TOKEN_VERSION, "oauth2PermissionScopes": [scope]}


def _assignment(kind: str, principal: str, role: str, called: str) -> Step:
    assigned = f"{GRAPH}/{kind}/{principal}/appRoleAssignments"
    role_id = id_of(f"role {role}")
    body = {"principalId": principal, "resourceId": PRINCIPAL, "appRoleId": role_id}
    return Step(
        f"the role {role} for {called}",
        _ask("POST", assigned, body),
        unless=(
            *az("rest", method="GET", uri=f"{assigned}?$filter=resourceId%20eq%20{PRINCIPAL}"),
            *said(f"value[?appRoleId=='{role_id}'].id"),
        ),
        patient=True,
    )


def _change(address: str, body: Mapping[str, Any]) -> tuple[str, ...]:
    return _ask("PATCH", address, body)


def _ask(method: str, address: str, body: Mapping[str, Any]) -> tuple[str, ...]:
    head = options(headers="Content-Type=application/json", body=json.dumps(body))
    return (*az("rest", method=method, uri=address), *head)
