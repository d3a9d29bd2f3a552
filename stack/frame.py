"""What every component is given: the settings, the names, the tags, and where its resources go."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi import Input, ResourceOptions

from stack.naming import Names
from stack.settings import Settings


@dataclass(frozen=True)
class Frame:
    """`group`: the resource group's name. `directory_id`: the subscription's, which identities are in."""

    settings: Settings
    names: Names
    tags: Mapping[str, str]
    group: Input[str]
    directory_id: str

    @property
    def location(self) -> str:
        return self.settings.location

    def stateful(self, parent: pulumi.Resource) -> ResourceOptions:
        """Options of what holds state: where the environment is protected, Pulumi refuses to delete it."""
        return ResourceOptions(parent=parent, protect=self.settings.is_protected)


class Component(pulumi.ComponentResource):
    """A part of the stack, `kopitra:stack:<Class>` in Pulumi's tree."""

    def __init__(self, name: str, opts: ResourceOptions | None = None) -> None:
        super().__init__(f"kopitra:stack:{type(self).__name__}", name, None, opts)

    @property
    def child(self) -> ResourceOptions:
        return ResourceOptions(parent=self)
