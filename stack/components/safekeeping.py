"""Locks on what holds state, in a protected environment. Not on the group: its lock would keep the deployer from
closing the database's firewall again, and grants from being taken back."""

from collections.abc import Mapping, Sequence

import pulumi_azure_native as azure
from pulumi import Input, Resource, ResourceOptions

from stack.frame import Component

LOCK = "no-delete"


class Safekeeping(Component):
    """`stateful`: resource ids by what they hold. `within`: what is in their scopes, down to grants on them: locks are
    made after all that and removed before it, for under a lock nothing of it can be removed."""

    def __init__(
        self,
        stateful: Mapping[str, Input[str]],
        *,
        within: Sequence[Resource],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("safekeeping", opts)
        for what, scope in stateful.items():
            azure.authorization.ManagementLockByScope(
                f"{LOCK}-{what}",
                lock_name=LOCK,
                scope=scope,
                level=azure.authorization.LockLevel.CAN_NOT_DELETE,
                notes="Holds the journal or the books of real accounts; lift this lock before a planned removal.",
                opts=ResourceOptions(parent=self, depends_on=list(within)),
            )
        self.register_outputs({})
