"""Locks on what holds state, in a protected environment. Not on the group: its lock would keep the deployer from
closing the database's firewall again, and grants from being taken back."""

from collections.abc import Mapping

import pulumi_azure_native as azure
from pulumi import Input, ResourceOptions

from stack.frame import Component

LOCK = "no-delete"


class Safekeeping(Component):
    """`stateful`: resource ids by what they hold."""

    def __init__(self, stateful: Mapping[str, Input[str]], opts: ResourceOptions | None = None) -> None:
        super().__init__("safekeeping", opts)
        for what, scope in stateful.items():
            azure.authorization.ManagementLockByScope(
                f"{LOCK}-{what}",
                lock_name=LOCK,
                scope=scope,
                level=azure.authorization.LockLevel.CAN_NOT_DELETE,
                notes="Holds the journal or the books of real accounts; lift this lock before a planned removal.",
                opts=self.child,
            )
        self.register_outputs({})
