"""The resource group."""

from collections.abc import Mapping

import pulumi_azure_native as azure
from pulumi import ResourceOptions

from stack.frame import Component
from stack.naming import Names
from stack.settings import Settings

RELEASE_TAG = "release"
"""On the group alone: whatever else carried it would be changed by each commit, apps included."""


class Foundation(Component):
    """Made before the frame: everything else lives in its group. `release`: what `git describe` says."""

    def __init__(
        self,
        settings: Settings,
        names: Names,
        tags: Mapping[str, str],
        *,
        release: str,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("foundation", opts)
        self.group = azure.resources.ResourceGroup(
            "group",
            resource_group_name=names.of("resource-group"),
            location=settings.location,
            tags={**tags, RELEASE_TAG: release},
            opts=ResourceOptions(parent=self, protect=settings.is_protected),
        )
        self.register_outputs({})
