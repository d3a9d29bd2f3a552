"""Azure's own logs, where they are few and say what nothing else says: who used the vault, and why an app started."""

import pulumi_azure_native as azure
from pulumi import Input, ResourceOptions

from stack.frame import Component, Frame

VAULT_LOG = "AuditEvent"
APP_LOG = "AppServicePlatformLogs"
"""Starts, stops and failed health checks; the log of HTTP requests would be the dearest of all."""


class Auditing(Component):
    def __init__(
        self,
        frame: Frame,
        *,
        vault: Input[str],
        counterparty: Input[str],
        workspace: Input[str],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("auditing", opts)
        for name, resource, category in (
            ("vault-log", vault, VAULT_LOG),
            ("app-log", counterparty, APP_LOG),
        ):
            azure.monitor.DiagnosticSetting(
                name,
                name=name,
                resource_uri=resource,
                workspace_id=workspace,
                logs=[azure.monitor.DiagnosticsLogSettingsArgs(category=category, enabled=True)],
                opts=self.child,
            )
        self.register_outputs({})
