"""Who may do what: each app's identity gets the least built-in role on the narrowest scope that its work needs."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi_azure_native as azure
from pulumi import Input, Output, ResourceOptions

from stack.frame import Component, Frame

BUILT_IN: Mapping[str, str] = {
    "Storage Table Data Contributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "Storage Blob Data Contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "Storage Blob Data Owner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "Storage Queue Data Contributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "Azure Service Bus Data Sender": "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39",
    "Azure Service Bus Data Receiver": "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0",
    "Key Vault Secrets User": "4633458b-17de-408a-b874-0445c86b69e6",
    "Key Vault Crypto Service Encryption User": "e147488a-f6f5-4113-8e2d-b22465e65bf6",
    "App Configuration Data Reader": "516239f1-63e1-4d78-a4de-a74fb236a071",
    "Monitoring Metrics Publisher": "3913510d-42f4-4e42-8a64-420c390055eb",
}
"""Role → definition id, the same in every directory (learn.microsoft.com, "Azure built-in roles", read 2026-11)."""
NAMESPACE = uuid.UUID("6f0a6b5e-6d0c-5d35-9b7c-3f7e5b1b6f4a")


@dataclass(frozen=True)
class Grant:
    """`who` names a principal, `scope` is a resource id; `what` tells scopes apart in names."""

    who: str
    role: str
    what: str
    scope: Input[str]


class Access(Component):
    def __init__(
        self,
        frame: Frame,
        *,
        principals: Mapping[str, Output[str]],
        grants: tuple[Grant, ...],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("access", opts)
        root = f"/subscriptions/{frame.settings.subscription_id}/providers/Microsoft.Authorization/roleDefinitions"
        for grant in grants:
            name = f"{grant.who}-{grant.role.replace(' ', '-').lower()}-{grant.what}"
            azure.authorization.RoleAssignment(
                name,
                # A name of our own choice: a second `up` finds its assignment instead of making another.
                role_assignment_name=str(uuid.uuid5(NAMESPACE, f"{frame.names.of('resource-group')}/{name}")),
                principal_id=principals[grant.who],
                principal_type=azure.authorization.PrincipalType.SERVICE_PRINCIPAL,
                role_definition_id=f"{root}/{BUILT_IN[grant.role]}",
                scope=grant.scope,
                opts=self.child,
            )
        self.register_outputs({})
