"""The resource group, and the lock that keeps a protected one from being deleted by hand."""

import pulumi_azure_native as azure
from pulumi import ResourceOptions

from stack.frame import Component
from stack.naming import Names
from stack.settings import Settings


class Foundation(Component):
    """Made before the frame: everything else lives in its group."""

    def __init__(
        self, settings: Settings, names: Names, tags: dict[str, str], opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("foundation", opts)
        stateful = ResourceOptions(parent=self, protect=settings.is_protected)
        self.group = azure.resources.ResourceGroup(
            "group",
            resource_group_name=names.of("resource-group"),
            location=settings.location,
            tags=tags,
            opts=stateful,
        )
        if settings.is_protected:
            azure.authorization.ManagementLockByScope(
                "no-delete",
                lock_name="no-delete",
                scope=self.group.id,
                level=azure.authorization.LockLevel.CAN_NOT_DELETE,
                notes="Holds the journal and the books of real accounts; lift this lock before a planned removal.",
                opts=self.child,
            )
        self.register_outputs({})
