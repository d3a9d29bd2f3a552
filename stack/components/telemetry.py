"""Logs and traces: one workspace, capped by the day, and Application Insights over it."""

import pulumi_azure_native as azure
from pulumi import ResourceOptions

from stack.frame import Component, Frame


class Telemetry(Component):
    def __init__(self, frame: Frame, opts: ResourceOptions | None = None) -> None:
        super().__init__("telemetry", opts)
        settings = frame.settings.telemetry
        self.workspace = azure.operationalinsights.Workspace(
            "logs",
            workspace_name=frame.names.of("logs"),
            resource_group_name=frame.group,
            location=frame.location,
            sku=azure.operationalinsights.WorkspaceSkuArgs(name="PerGB2018"),
            retention_in_days=settings.retention_days,
            workspace_capping=azure.operationalinsights.WorkspaceCappingArgs(
                daily_quota_gb=settings.daily_cap_gb
            ),
            tags=frame.tags,
            opts=self.child,
        )
        self.insights = azure.applicationinsights.Component(
            "insights",
            resource_name_=frame.names.of("insights"),
            resource_group_name=frame.group,
            location=frame.location,
            kind="web",
            application_type="web",
            flow_type="Bluefield",
            request_source="rest",
            ingestion_mode="LogAnalytics",
            workspace_resource_id=self.workspace.id,
            sampling_percentage=settings.sampling_percent,
            disable_local_auth=True,
            tags=frame.tags,
            opts=self.child,
        )
        self.register_outputs({})
