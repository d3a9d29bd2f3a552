"""The workbook's place."""

import uuid

import pulumi_azure_native as azure
from pulumi import Input, ResourceOptions

from stack.frame import Component, Frame
from stack.workbook import VERSION, workbook

NAMESPACE = uuid.UUID("0e1b6f0a-34a4-5b5f-8d1e-2a9a4f3f6f10")


class Dashboard(Component):
    def __init__(self, frame: Frame, *, workspace: Input[str], opts: ResourceOptions | None = None) -> None:
        super().__init__("dashboard", opts)
        title = frame.names.of("workbook")
        azure.applicationinsights.Workbook(
            "workbook",
            # Its name must be a UUID: one of our own, so that a second `up` finds the same.
            resource_name_=str(uuid.uuid5(NAMESPACE, f"{title}/{frame.names.suffix}")),
            display_name=title,
            category="workbook",
            kind="shared",
            version=VERSION,
            serialized_data=workbook(title=title),
            source_id=workspace,
            location=frame.location,
            resource_group_name=frame.group,
            tags=frame.tags,
            opts=self.child,
        )
        self.register_outputs({})
